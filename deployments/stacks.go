package main

// project is that of the stacks, in the repository's root.
const project = "fargate-queue-worker"

// stack is how Pulumi Deployments runs a stack.
type stack struct {
	name string
	// branch that is deployed when it is pushed to. Protect it: that is the gate.
	branch string
	// previews says that pull requests are previewed. Their code then runs with the
	// stack's role before anybody has read it.
	previews bool
	// buildsImage says that a deployment needs a Docker daemon.
	buildsImage bool
	// driftCheck is when to look for drift, as cron has it, in UTC. Left out for a stack that
	// builds its image: a refresh reads the image with the registry's credentials of the
	// deployment, which are good for twelve hours, and takes what it cannot read for deleted.
	driftCheck string
}

var stacks = []stack{
	{name: "dev", branch: "main", previews: true, buildsImage: true},
	{name: "prod", branch: "prod", driftCheck: "30 5 * * *"},
}

// paths are the files that a deployment depends on; a change of others deploys nothing.
var paths = []string{
	"Pulumi.yaml", "Pulumi.*.yaml", "go.mod", "go.sum", "main.go", "program/**", "spelling/**",
	"components/**", "worker/**",
}
