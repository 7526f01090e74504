package program

import (
	"cmp"
	"errors"
	"fmt"
	"maps"

	"fargate-queue-worker/worker/consumer"
	"fargate-queue-worker/worker/settings"
)

// checkWorkerSettings holds `environment` to the settings of the project's worker, which
// would refuse them at its start, where its image runs.
func (r *configReader) checkWorkerSettings() {
	if !r.runsTheProjectsWorker() || r.secret("environment") {
		return // values that are secret are not for a terminal
	}
	given := r.stringMap("environment")
	environment := map[string]string{"QUEUE_URL": "known once the queue is made"}
	maps.Copy(environment, given)
	_, err := settings.Read(environment)
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return
	}
	for _, wrong := range joined.Unwrap() {
		var setting *consumer.ConfigError
		if errors.As(wrong, &setting) && given[setting.Field] != "" {
			r.found.AddError(fmt.Errorf("environment.%w", wrong))
		}
	}
}

// runsTheProjectsWorker says whether the image is built from the project's Dockerfile.
func (r *configReader) runsTheProjectsWorker() bool {
	dockerfile := cmp.Or(r.string("dockerfile"), defaultDockerfile)
	return r.string("image") == "" && r.string("repositoryName") == "" && dockerfile == defaultDockerfile
}
