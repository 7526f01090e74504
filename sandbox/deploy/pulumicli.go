package deploy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

const (
	cliPackage = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
	// cliVersionVariable is what Pulumi's own releases set at link time.
	cliVersionVariable = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
)

// oldestCLI is the first version that the Automation API was tried with here.
var oldestCLI = semver.MustParse("3.200.0")

// CLIOnPath says whether there is a suitable pulumi on the PATH.
func CLIOnPath() bool {
	_, ok := cliOnPath()
	return ok
}

func cliOnPath() (auto.PulumiCommand, bool) {
	command, err := auto.NewPulumiCommand(nil)
	return command, err == nil && command.Version().GTE(oldestCLI)
}

// pulumiCLI finds a suitable pulumi on the PATH, or builds the one that
// tools/go.mod pins, once, under folder.
func pulumiCLI(ctx context.Context, root, folder string, progress io.Writer) (auto.PulumiCommand, error) {
	if command, ok := cliOnPath(); ok {
		return command, nil
	}
	version, err := pinnedVersion(filepath.Join(root, "tools", "go.mod"))
	if err != nil {
		return nil, err
	}
	home := filepath.Join(folder, "pulumi-"+version.String())
	binary := filepath.Join(home, "bin", "pulumi")
	if err := buildOnce(ctx, filepath.Join(root, "tools"), binary, version, progress); err != nil {
		return nil, err
	}
	command, err := auto.NewPulumiCommand(&auto.PulumiCommandOptions{Root: home})
	if err != nil {
		return nil, fmt.Errorf("the Pulumi CLI in %s does not run (delete it to have it built anew): %w",
			home, err)
	}
	return command, nil
}

var pinned = regexp.MustCompile(`github\.com/pulumi/pulumi/pkg/v3 v(\S+)`)

func pinnedVersion(goMod string) (semver.Version, error) {
	text, err := os.ReadFile(goMod)
	if err != nil {
		return semver.Version{}, fmt.Errorf("looking for the version of the Pulumi CLI: %w", err)
	}
	found := pinned.FindSubmatch(text)
	if found == nil {
		return semver.Version{}, fmt.Errorf("%s pins no version of %s", goMod, cliPackage)
	}
	return semver.Parse(string(found[1]))
}

// building keeps two stacks of one process from building the same CLI.
var building sync.Mutex

// buildOnce compiles the CLI unless it is there.
func buildOnce(ctx context.Context, tools, binary string, version semver.Version, progress io.Writer) error {
	building.Lock()
	defer building.Unlock()
	if _, err := os.Stat(binary); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return buildCLI(ctx, tools, binary, version, progress)
}

// buildCLI compiles the CLI and shows how far it is.
func buildCLI(ctx context.Context, tools, binary string, version semver.Version, progress io.Writer) error {
	fmt.Fprintf(progress, "Building the Pulumi CLI %s, once (some minutes on a fresh machine)...\n", version)
	partial := fmt.Sprintf("%s.%d", binary, os.Getpid()) // another process may be at it, too
	build := exec.CommandContext(ctx, "go", "build", "-v",
		"-ldflags", fmt.Sprintf("-s -w -X %s=v%s", cliVersionVariable, version), "-o", partial, cliPackage)
	build.Dir = tools
	lines, err := build.StderrPipe()
	if err != nil {
		return err
	}
	if err := build.Start(); err != nil {
		return fmt.Errorf("building the Pulumi CLI needs Go on the PATH: %w", err)
	}
	said := reportPackages(lines, progress)
	if err := build.Wait(); err != nil {
		return fmt.Errorf("building the Pulumi CLI: %w\n%s", err, strings.Join(said, "\n"))
	}
	return os.Rename(partial, binary)
}

// reportPackages counts the packages that `go build -v` names, and returns what else
// it says.
func reportPackages(lines io.Reader, progress io.Writer) (said []string) {
	const every = 200
	packages := 0
	for scanner := bufio.NewScanner(lines); scanner.Scan(); {
		line := scanner.Text()
		if strings.HasPrefix(line, "go: downloading") {
			continue
		}
		if strings.ContainsAny(line, " \t") || strings.HasPrefix(line, "#") {
			said = append(said, line)
			continue
		}
		if packages++; packages%every == 0 {
			fmt.Fprintf(progress, "  %d packages compiled\n", packages)
		}
		if strings.HasSuffix(line, "/cmd/pulumi") {
			fmt.Fprintln(progress, "  linking")
		}
	}
	return said
}
