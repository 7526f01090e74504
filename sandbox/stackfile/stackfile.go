// Package stackfile reads the project's Pulumi.yaml and Pulumi.<stack>.yaml as the
// Pulumi CLI does, defaults included.
package stackfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"

	"fargate-queue-worker/spelling"
)

// Stack is a stack's settings and those of its project.
type Stack struct {
	Name    string
	Project *workspace.Project
	// Settings hold the configuration as the stack's file has it.
	Settings *workspace.ProjectStack
}

// FindRoot goes up from a folder to the one with Pulumi.yaml.
func FindRoot(from string) (string, error) {
	folder, err := filepath.Abs(from)
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "Pulumi.yaml")); err == nil {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", fmt.Errorf("there is no Pulumi.yaml in %s or above; run this inside the project", from)
		}
		folder = parent
	}
}

// Load reads a stack of the project in root and applies overrides of the form
// key=value on it; a value that is a JSON list or map is one. Keys that Pulumi.yaml
// does not declare are refused.
func Load(root, name string, overrides ...string) (*Stack, error) {
	return LoadFrom(root, root, name, overrides...)
}

// LoadFrom is Load of a stack whose file is in another folder than Pulumi.yaml.
func LoadFrom(root, folder, name string, overrides ...string) (*Stack, error) {
	project, err := loadProject(root)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(folder, "Pulumi."+name+".yaml")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no stack %q: no file Pulumi.%s.yaml", name, name)
	}
	sink := diag.DefaultSink(os.Stderr, os.Stderr, diag.FormatOptions{Color: colors.Never})
	settings, err := workspace.LoadProjectStack(sink, project, file)
	if err != nil {
		return nil, fmt.Errorf("reading Pulumi.%s.yaml: %w", name, err)
	}
	s := &Stack{Name: name, Project: project, Settings: settings}
	for _, override := range overrides {
		if err := s.set(override); err != nil {
			return nil, err
		}
	}
	return s, s.checkKeys()
}

func loadProject(root string) (*workspace.Project, error) {
	project, err := workspace.LoadProject(filepath.Join(root, "Pulumi.yaml"))
	if err != nil {
		return nil, fmt.Errorf("reading Pulumi.yaml: %w", err)
	}
	return project, nil
}

// Names are those of the stacks that have a file in root, sorted.
func Names(root string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(root, "Pulumi.*.yaml"))
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "Pulumi."), ".yaml"))
	}
	return names, err
}

// Descriptions are what the keys that Pulumi.yaml declares mean, by key.
func Descriptions(root string) (map[string]string, error) {
	project, err := loadProject(root)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for key, declared := range project.Config {
		all[key] = declared.Description
	}
	return all, nil
}

func (s *Stack) set(override string) error {
	key, text, ok := strings.Cut(override, "=")
	if !ok {
		return fmt.Errorf("%q is not a setting; write key=value", override)
	}
	parsed, err := s.parseKey(key)
	if err != nil {
		return err
	}
	value := config.NewValue(text)
	if strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{") {
		if !json.Valid([]byte(text)) {
			return fmt.Errorf("%s: %q is not a JSON list or map", key, text)
		}
		value = config.NewObjectValue(text)
	}
	return s.Settings.Config.Set(parsed, value, false)
}

func (s *Stack) parseKey(key string) (config.Key, error) {
	if !strings.Contains(key, ":") {
		key = s.Project.Name.String() + ":" + key
	}
	return config.ParseKey(key)
}

// checkKeys names every key that nothing reads.
func (s *Stack) checkKeys() error {
	var wrong []error
	for _, key := range slices.SortedFunc(maps.Keys(s.Settings.Config), func(a, b config.Key) int {
		return strings.Compare(a.String(), b.String())
	}) {
		_, declared := s.Project.Config[key.Name()]
		switch {
		case key.Namespace() == s.Project.Name.String() && !declared:
			wrong = append(wrong,
				fmt.Errorf("stack %s: %s is not a key that Pulumi.yaml describes%s (docs/configuration.md "+
					"has them all)",
					s.Name, key, spelling.DidYouMean(key.Name(), slices.Sorted(maps.Keys(s.Project.Config)))))
		case key.Namespace() == "aws" && ProviderKeys[key.Name()] == "":
			wrong = append(wrong, fmt.Errorf("stack %s: %s is not handed on to the AWS provider%s",
				s.Name, key, spelling.DidYouMean(key.Name(), slices.Sorted(maps.Keys(ProviderKeys)))))
		}
	}
	return errors.Join(wrong...)
}

// Values are the configuration as the program gets it: by full key, lists and maps
// as JSON, with the defaults of Pulumi.yaml. Encrypted values cannot be read here.
func (s *Stack) Values() (map[string]string, error) {
	values := map[string]string{}
	for name, declared := range s.Project.Config {
		if declared.Default == nil {
			continue
		}
		text, err := plainText(declared.Default)
		if err != nil {
			return nil, fmt.Errorf("the default of %s in Pulumi.yaml: %w", name, err)
		}
		values[s.Project.Name.String()+":"+name] = text
	}
	for key, value := range s.Settings.Config {
		if value.Secure() {
			return nil, fmt.Errorf("%s is encrypted for stack %s and cannot be read here; give a plain "+
				"value with --config %s=<value>", key, s.Name, key.Name())
		}
		text, err := value.Value(config.NopDecrypter)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		values[key.String()] = text
	}
	return values, nil
}

func plainText(value any) (string, error) {
	switch value := value.(type) {
	case string:
		return value, nil
	case int, bool:
		return fmt.Sprint(value), nil
	}
	simple, err := workspace.SimplifyMarshalledValue(value)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(simple)
	return string(text), err
}
