package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fargate-queue-worker/sandbox/stackfile"
	"fargate-queue-worker/spelling"
)

// common is what every command has to know.
type common struct {
	interrupts
	root   string
	stack  string
	config []string
	output io.Writer
}

// run does what a command line asks for.
func run(stop interrupts, args []string, output io.Writer) error {
	root := newCommandLine(&common{interrupts: stop, output: output})
	root.SetArgs(append([]string{}, args...)) // for nil, cobra would take the process's
	root.SetOut(output)
	return root.ExecuteContext(stop)
}

// newCommandLine is the tree of commands. Without one, the demo runs.
func newCommandLine(c *common) *cobra.Command {
	demo := newDemoCommand(c)
	root := &cobra.Command{
		Use:         "sandbox",
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "go run ./sandbox"},
		Short:       "Run a stack of this project on a model of AWS",
		Long: `Runs a stack of this project on the machine it runs on: the real program, on an embedded
model of AWS, with real workers. Without a command it is the demo, and takes its flags.

A shell completes commands, flags, stacks and keys after

  go build -o ~/bin/sandbox ./sandbox && source <(sandbox completion bash)`,
		Args: noArguments,
		RunE: demo.RunE,
		// main prints errors, after all else, and without 50 lines of usage around them.
		SilenceErrors: true, SilenceUsage: true,
	}
	const width = "80"
	template := strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped "+width)
	root.SetUsageTemplate(template)
	root.SetFlagErrorFunc(flagError)
	f := root.PersistentFlags()
	f.SortFlags = false
	f.StringVar(&c.stack, "stack", "dev", "`name` of a stack: it is in Pulumi.<name>.yaml")
	f.StringArrayVar(&c.config, "config", nil,
		"`key=value` to use in place of the stack's configuration; may be repeated")
	root.Flags().SortFlags = false
	root.Flags().AddFlagSet(demo.Flags())
	root.AddCommand(demo, newUpCommand(c), newPreviewCommand(c), newDestroyCommand(c))
	root.AddCommand(newSimulateCommand(c))
	completeFrom(root, "stack", stacks)
	completeFrom(root, "config", configKeys)
	return root
}

// inProject runs a command in the project that the working directory belongs to.
func (c *common) inProject(do func(c common) error) func(*cobra.Command, []string) error {
	return func(*cobra.Command, []string) (err error) {
		if c.root, err = stackfile.FindRoot("."); err != nil {
			return err
		}
		return do(*c)
	}
}

// noArguments refuses all that is not a flag; a misspelt command is such a thing.
func noArguments(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case !cmd.HasAvailableSubCommands():
		return wrongUsage(cmd, fmt.Errorf("%q: %s takes flags alone", args[0], cmd.Name()))
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return wrongUsage(cmd,
		fmt.Errorf("there is no command %q%s", args[0], spelling.DidYouMean(args[0], names)))
}

// flagError adds to what pflag says of a flag.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		err = fmt.Errorf("%w%s", err, spelling.DidYouMean("--"+unknown.GetSpecifiedName(), names))
	}
	return wrongUsage(cmd, err)
}

// wrongUsage says where to read how it is meant.
func wrongUsage(cmd *cobra.Command, err error) error {
	return fmt.Errorf("%w\n%s --help tells more", err, cmd.CommandPath())
}

// complete makes a shell suggest the values of a flag.
func complete(cmd *cobra.Command, flag string, values []string) {
	completeFrom(cmd, flag, func() ([]string, error) { return values, nil })
}

// completeFrom makes a shell suggest the values of a flag, which take reading.
func completeFrom(cmd *cobra.Command, flag string, values func() ([]string, error)) {
	suggest := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		suggested, err := values()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		directive := cobra.ShellCompDirectiveNoFileComp
		if slices.ContainsFunc(suggested, func(s string) bool { return strings.Contains(s, "=") }) {
			directive |= cobra.ShellCompDirectiveNoSpace // a value follows
		}
		return suggested, directive
	}
	if err := cmd.RegisterFlagCompletionFunc(flag, suggest); err != nil {
		panic(err) // the flag does not exist
	}
}

// stacks are the names of those that have a file.
func stacks() ([]string, error) {
	root, err := stackfile.FindRoot(".")
	if err != nil {
		return nil, err
	}
	return stackfile.Names(root)
}

// configKeys are those that Pulumi.yaml declares, with what they mean.
func configKeys() ([]string, error) {
	root, err := stackfile.FindRoot(".")
	if err != nil {
		return nil, err
	}
	meanings, err := stackfile.Descriptions(root)
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(meanings)) {
		keys = append(keys, cobra.CompletionWithDesc(key+"=", meanings[key]))
	}
	return keys, err
}
