package cloud

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// TaskDefinition is a revision of an ECS task definition.
type TaskDefinition struct {
	ARN                     string            `json:"arn"`
	ARNWithoutRevision      string            `json:"arnWithoutRevision"`
	Revision                int               `json:"revision"`
	Family                  string            `json:"family"`
	CPU                     string            `json:"cpu"`
	Memory                  string            `json:"memory"`
	NetworkMode             string            `json:"networkMode"`
	RequiresCompatibilities []string          `json:"requiresCompatibilities"`
	RuntimePlatform         *RuntimePlatform  `json:"runtimePlatform,omitempty"`
	EphemeralStorage        *EphemeralStorage `json:"ephemeralStorage,omitempty"`
	ExecutionRoleARN        string            `json:"executionRoleArn"`
	TaskRoleARN             string            `json:"taskRoleArn"`
	ContainerDefinitions    string            `json:"containerDefinitions"`
	Volumes                 []Volume          `json:"volumes,omitempty"`
	SkipDestroy             bool              `json:"skipDestroy,omitempty"`
	Tags                    map[string]string `json:"tags,omitempty"`
}

// RuntimePlatform is what a task's image has to be built for.
type RuntimePlatform struct {
	CPUArchitecture       string `json:"cpuArchitecture"`
	OperatingSystemFamily string `json:"operatingSystemFamily"`
}

// EphemeralStorage is a task's disk.
type EphemeralStorage struct {
	SizeInGiB int `json:"sizeInGib"`
}

// Volume is storage of a task.
type Volume struct {
	Name string     `json:"name"`
	EFS  *EFSVolume `json:"efsVolumeConfiguration,omitempty"`
}

// EFSVolume is a file system.
type EFSVolume struct {
	FileSystemID      string         `json:"fileSystemId"`
	RootDirectory     string         `json:"rootDirectory,omitempty"`
	TransitEncryption string         `json:"transitEncryption,omitempty"`
	Authorization     *Authorization `json:"authorizationConfig,omitempty"`
}

// Authorization says how a file system lets tasks in.
type Authorization struct {
	AccessPointID string `json:"accessPointId,omitempty"`
	IAM           string `json:"iam,omitempty"`
}

// MountPoint is where a container sees a volume.
type MountPoint struct {
	SourceVolume  string `json:"sourceVolume"`
	ContainerPath string `json:"containerPath"`
	ReadOnly      bool   `json:"readOnly"`
}

// LogConfiguration is where a container's output goes.
type LogConfiguration struct {
	LogDriver string            `json:"logDriver"`
	Options   map[string]string `json:"options"`
}

// Dependency is a container that another one waits for.
type Dependency struct {
	ContainerName string `json:"containerName"`
	Condition     string `json:"condition"`
}

// Container is a container of a task definition.
type Container struct {
	Name                   string            `json:"name"`
	Image                  string            `json:"image"`
	Command                []string          `json:"command"`
	Environment            []Variable        `json:"environment"`
	Secrets                []Variable        `json:"secrets"`
	StopTimeout            int               `json:"stopTimeout"` // seconds, 0 is 30
	ReadonlyRootFilesystem bool              `json:"readonlyRootFilesystem"`
	Essential              *bool             `json:"essential"` // nil is true
	MountPoints            []MountPoint      `json:"mountPoints"`
	DependsOn              []Dependency      `json:"dependsOn"`
	LogConfiguration       *LogConfiguration `json:"logConfiguration"`
	FirelensConfiguration  map[string]any    `json:"firelensConfiguration"`
}

// Variable is an environment variable; a secret has ValueFrom instead of a value.
type Variable struct {
	Name      string `json:"name"`
	Value     string `json:"value"`
	ValueFrom string `json:"valueFrom"`
}

// Containers is the parsed ContainerDefinitions.
func (t *TaskDefinition) Containers() ([]Container, error) {
	var containers []Container
	if err := json.Unmarshal([]byte(t.ContainerDefinitions), &containers); err != nil {
		return nil, refuse("ClientException", "containerDefinitions is not a list of containers: %v", err)
	}
	return containers, nil
}

// RegisterTaskDefinition makes a new revision.
func (a *Account) RegisterTaskDefinition(t TaskDefinition) (*TaskDefinition, error) {
	if err := a.checkTaskDefinition(t); err != nil {
		return nil, err
	}
	a.Revisions[t.Family]++
	t.Revision = a.Revisions[t.Family]
	t.ARNWithoutRevision = a.ARN("ecs", "task-definition/"+t.Family)
	t.ARN = fmt.Sprintf("%s:%d", t.ARNWithoutRevision, t.Revision)
	a.TaskDefinitions[t.ARN] = &t
	return &t, nil
}

// DeregisterTaskDefinition retires a revision; services that run it keep it. The provider
// only forgets one with skipDestroy.
func (a *Account) DeregisterTaskDefinition(arn string) error {
	if t, ok := a.TaskDefinitions[arn]; ok && t.SkipDestroy {
		return nil
	}
	return remove(a.TaskDefinitions, arn)
}

func (a *Account) checkTaskDefinition(t TaskDefinition) error {
	if t.NetworkMode != "awsvpc" {
		return refuse("ClientException", "Fargate needs networkMode awsvpc, not %q", t.NetworkMode)
	}
	if !isFargateSize(t.CPU, t.Memory) {
		return refuse("ClientException",
			"No Fargate configuration exists for given values: %s CPU, %s memory", t.CPU, t.Memory)
	}
	containers, err := t.Containers()
	if err != nil {
		return err
	}
	if len(containers) == 0 {
		return refuse("ClientException", "a task definition needs a container")
	}
	if err := t.checkContainers(containers); err != nil {
		return err
	}
	for _, role := range []string{t.ExecutionRoleARN, t.TaskRoleARN} {
		if err := a.checkRoleARN(role); err != nil {
			return err
		}
	}
	return nil
}

// checkContainers has the rules of the ECS API for the containers of a Fargate task.
func (t *TaskDefinition) checkContainers(containers []Container) error {
	volumes, names := map[string]bool{}, map[string]bool{}
	for _, v := range t.Volumes {
		if v.EFS != nil && v.EFS.Authorization != nil && v.EFS.TransitEncryption != "ENABLED" {
			return refuse("ClientException",
				"IAM authorization and access points of EFS need transit encryption")
		}
		volumes[v.Name] = true
	}
	essential, routed := false, false
	for _, c := range containers {
		if names[c.Name] {
			return refuse("ClientException", "two containers are called %s", c.Name)
		}
		names[c.Name] = true
		essential = essential || c.Essential == nil || *c.Essential
		routed = routed || c.FirelensConfiguration != nil
	}
	if !essential {
		return refuse("ClientException", "at least one container has to be essential")
	}
	for _, c := range containers {
		switch {
		case c.Image == "":
			return refuse("ClientException", "container %s needs an image", c.Name)
		case c.StopTimeout > 120:
			return refuse("ClientException", "stopTimeout is %d; Fargate waits 120 s at most", c.StopTimeout)
		case c.LogConfiguration != nil && c.LogConfiguration.LogDriver == "awsfirelens" && !routed:
			return refuse("ClientException",
				"container %s logs to FireLens, and no container routes its logs", c.Name)
		}
		for _, m := range c.MountPoints {
			if !volumes[m.SourceVolume] {
				return refuse("ClientException", "Unknown volume '%s'", m.SourceVolume)
			}
		}
		for _, d := range c.DependsOn {
			if !names[d.ContainerName] || d.ContainerName == c.Name {
				return refuse("ClientException",
					"container %s depends on %s, which is not another container of the "+
						"task", c.Name, d.ContainerName)
			}
		}
	}
	return nil
}

// FargateCPUs are the CPU units that Fargate offers for a task, 1024 to the vCPU.
var FargateCPUs = []int{256, 512, 1024, 2048, 4096, 8192, 16384}

// mostFargateMemory is the largest that Fargate offers, in MiB.
const mostFargateMemory = 120 * 1024

// LeastFargateMemory is the least memory in MiB that Fargate offers with CPU units and that is
// no less than what is needed; ok is false if there is none.
func LeastFargateMemory(cpuUnits, needed int) (mib int, ok bool) {
	const step = 512
	for mib = (needed + step - 1) / step * step; mib <= mostFargateMemory; mib += step {
		if fargateHas(cpuUnits, mib) {
			return mib, true
		}
	}
	return 0, false
}

// isFargateSize says whether CPU units and MiB, as a task definition has them, are a size that
// Fargate offers.
func isFargateSize(cpuUnits, memoryMiB string) bool {
	cpu, errCPU := strconv.Atoi(cpuUnits)
	memory, errMemory := strconv.Atoi(memoryMiB)
	return errCPU == nil && errMemory == nil && fargateHas(cpu, memory)
}

// fargateHas says whether Fargate offers a size. From one vCPU up it is two to
// eight GiB for each; below and above AWS makes exceptions.
func fargateHas(cpu, memory int) bool {
	gib := memory / 1024
	whole := memory%1024 == 0
	switch cpu {
	case 256:
		return memory == 512 || memory == 1024 || memory == 2048
	case 512:
		return whole && gib >= 1 && gib <= 4
	case 1024, 2048:
		return whole && gib >= 2*cpu/1024 && gib <= 8*cpu/1024
	case 4096:
		return whole && gib >= 8 && gib <= 30
	case 8192:
		return whole && gib >= 16 && gib <= 60 && gib%4 == 0
	case 16384:
		return whole && gib >= 32 && gib <= 120 && gib%8 == 0
	}
	return false
}
