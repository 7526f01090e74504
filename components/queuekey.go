package components

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// queueOptions protect a queue, let its key change only when the task role may use the new
// one, and warn of a change that leaves messages unreadable.
func (b *builder) queueOptions(args QueueArgs, identity taskIdentity) []pulumi.ResourceOption {
	options := []pulumi.ResourceOption{pulumi.Protect(args.Protect), pulumi.DependsOn(identity.before())}
	if !b.watching {
		return options
	}
	hook, err := b.keyChangeHook(args)
	if err != nil {
		return options // a deployment does not fail for want of a warning
	}
	return append(options,
		pulumi.ResourceHooks(&pulumi.ResourceHookBinding{BeforeUpdate: []*pulumi.ResourceHook{hook}}))
}

// keyChangeHook runs before a queue is changed, in a preview, too. Both queues share it.
func (b *builder) keyChangeHook(args QueueArgs) (*pulumi.ResourceHook, error) {
	if b.keyHook != nil {
		return b.keyHook, nil
	}
	previous, _ := args.PreviousKMSKeyARNs.(pulumi.StringArray)
	kept := make([]string, 0, len(previous))
	for _, arn := range previous {
		text, _ := plain(arn)
		kept = append(kept, text)
	}
	hook, err := b.ctx.RegisterResourceHook(b.name+"-key-change",
		func(change *pulumi.ResourceHookArgs) error {
			if warning := keyChange(change.OldInputs, change.NewInputs, kept, b.spelling); warning != "" {
				return b.ctx.Log.Warn(warning, nil)
			}
			return nil
		}, &pulumi.ResourceHookOptions{OnDryRun: true, IgnoreErrors: true})
	b.keyHook = hook
	return hook, err
}

// keyChange is what to say of a change of a queue's key, or "" if all that was sent before
// stays readable. Source: SQS developer guide, "Encryption at rest": "Any encrypted message
// remains encrypted even if the encryption of its queue is disabled."
func keyChange(before, after resource.PropertyMap, kept []string, name func(path string) string) string {
	old, key := before["kmsMasterKeyId"], after["kmsMasterKeyId"]
	if !old.IsString() || old.DeepEquals(key) || slices.Contains(kept, old.StringValue()) {
		return ""
	}
	return fmt.Sprintf("%s: what was sent under %s stays encrypted with it, and the tasks cannot read it "+
		"any more; "+
		"add that key to %s until both queues have been "+
		"empty", name("Queue.KMSKeyARN"), old.StringValue(), name("Queue.PreviousKMSKeyARNs"))
}
