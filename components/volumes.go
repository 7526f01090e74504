package components

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Volume is storage that a task's containers mount: scratch space on the task's disk, gone
// with the task, or a file system.
type Volume struct {
	// Name has 1 to 255 letters, digits, - and _. Required.
	Name string `pulumi:"name"`
	// EFS is a file system. Default: scratch space.
	EFS *EFSVolume `pulumi:"efs,optional"`
}

// EFSVolume is an Amazon EFS file system, mounted over TLS and with the task role, which
// is let in. The file system's security group has to let that of the tasks in, by NFS.
type EFSVolume struct {
	// FileSystemID, such as fs-0123456789abcdef0. Required.
	FileSystemID pulumi.StringInput `pulumi:"fileSystemId"`
	// AccessPointID, such as fsap-0123456789abcdef0. Default: none.
	AccessPointID pulumi.StringInput `pulumi:"accessPointId,optional"`
	// RootDirectory is mounted as the root. Not with an access point, which has its own.
	// Default: the file system's root.
	RootDirectory string `pulumi:"rootDirectory,optional"`
}

// MountPoint is where a container sees a volume.
type MountPoint struct {
	// SourceVolume is the name of a volume. Required.
	SourceVolume string `pulumi:"sourceVolume"`
	// ContainerPath is absolute, such as /tmp. Required.
	ContainerPath string `pulumi:"containerPath"`
	// ReadOnly forbids writing. Default false.
	ReadOnly bool `pulumi:"readOnly,optional"`
}

// HealthCheck is a command in the container that exits with 0 while all is well.
type HealthCheck struct {
	// Command begins with CMD, or CMD-SHELL and one text for a shell. Required.
	Command []string `pulumi:"command"`
	// IntervalSeconds between two checks, 5 to 300. Default 30.
	IntervalSeconds int `pulumi:"interval,optional"`
	// TimeoutSeconds of a check, 2 to 60. Default 5.
	TimeoutSeconds int `pulumi:"timeout,optional"`
	// Retries is how many checks have to fail, 1 to 10. Default 3.
	Retries int `pulumi:"retries,optional"`
	// StartPeriodSeconds in which failures do not count, 0 to 300. Default 0.
	StartPeriodSeconds int `pulumi:"startPeriod,optional"`
}

func volumes(list []Volume) ecs.TaskDefinitionVolumeArrayInput {
	if len(list) == 0 {
		return nil
	}
	var rendered ecs.TaskDefinitionVolumeArray
	for _, v := range list {
		volume := &ecs.TaskDefinitionVolumeArgs{Name: pulumi.String(v.Name)}
		if v.EFS != nil {
			volume.EfsVolumeConfiguration = v.EFS.configuration()
		}
		rendered = append(rendered, volume)
	}
	return rendered
}

func (v EFSVolume) configuration() *ecs.TaskDefinitionVolumeEfsVolumeConfigurationArgs {
	authorization := &ecs.TaskDefinitionVolumeEfsVolumeConfigurationAuthorizationConfigArgs{
		Iam: pulumi.String("ENABLED"),
	}
	if v.AccessPointID != nil {
		authorization.AccessPointId = v.AccessPointID.ToStringOutput()
	}
	settings := &ecs.TaskDefinitionVolumeEfsVolumeConfigurationArgs{
		FileSystemId:        v.FileSystemID,
		TransitEncryption:   pulumi.String("ENABLED"),
		AuthorizationConfig: authorization,
	}
	if v.RootDirectory != "" {
		settings.RootDirectory = pulumi.String(v.RootDirectory)
	}
	return settings
}

// volumeStatements let the task role use the file systems.
func volumeStatements(args TaskArgs, at place) []pulumi.Input {
	var statements []pulumi.Input
	for _, v := range args.Volumes {
		if v.EFS == nil {
			continue
		}
		fileSystem := pulumi.Sprintf(at.arn("elasticfilesystem", "file-system/%s"), v.EFS.FileSystemID)
		statements = append(statements, allow(pulumi.StringArray{fileSystem},
			"elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"))
	}
	return statements
}

func mountPoints(list []MountPoint) pulumi.Array {
	rendered := pulumi.Array{}
	for _, m := range list {
		rendered = append(rendered, pulumi.Map{
			"sourceVolume":  pulumi.String(m.SourceVolume),
			"containerPath": pulumi.String(m.ContainerPath),
			"readOnly":      pulumi.Bool(m.ReadOnly),
		})
	}
	return rendered
}

// writesToDisk says whether the task has scratch space that its worker can write to.
func (args TaskArgs) writesToDisk() bool {
	scratch := func(name string) bool {
		return slices.ContainsFunc(args.Volumes, func(v Volume) bool {
			return v.Name == name && v.EFS == nil
		})
	}
	return slices.ContainsFunc(args.MountPoints, func(m MountPoint) bool {
		return !m.ReadOnly && scratch(m.SourceVolume)
	})
}

// definition renders a health check; ECS has the defaults.
func (h HealthCheck) definition() pulumi.Map {
	definition := pulumi.Map{"command": pulumi.ToStringArray(h.Command)}
	for key, value := range map[string]int{
		"interval": h.IntervalSeconds, "timeout": h.TimeoutSeconds, "retries": h.Retries,
		"startPeriod": h.StartPeriodSeconds,
	} {
		if value > 0 {
			definition[key] = pulumi.Int(value)
		}
	}
	return definition
}

func validateVolumes(found *FieldErrors, t TaskArgs) {
	names := map[string]bool{}
	for i, v := range t.Volumes {
		field := fmt.Sprintf("Task.Volumes[%d]", i)
		if want := isVolumeName(v.Name); want != "" {
			found.Add(field+".Name", v.Name, "%s", want)
		}
		if names[v.Name] {
			found.Add(field+".Name", v.Name, "is the name of another volume, too")
		}
		names[v.Name] = true
		if v.EFS == nil {
			continue
		}
		if v.EFS.FileSystemID == nil {
			found.Add(field+".EFS.FileSystemID", "", "is required, such as fs-0123456789abcdef0")
		}
		if v.EFS.AccessPointID != nil && v.EFS.RootDirectory != "" {
			found.Add(field+".EFS.RootDirectory", v.EFS.RootDirectory,
				"does not go with an access point, which has a root of its own")
		}
	}
	paths := map[string]bool{}
	for i, m := range t.MountPoints {
		field := fmt.Sprintf("Task.MountPoints[%d]", i)
		if !names[m.SourceVolume] {
			found.Add(field+".SourceVolume", m.SourceVolume, "is not the name of one of {Task.Volumes}")
		}
		if want := isMountPath(m.ContainerPath); want != "" {
			found.Add(field+".ContainerPath", m.ContainerPath, "%s", want)
		}
		if paths[m.ContainerPath] {
			found.Add(field+".ContainerPath", m.ContainerPath, "has another volume, too")
		}
		paths[m.ContainerPath] = true
	}
	if t.EphemeralStorageGiB != 0 && t.ReadonlyRootFilesystem && !t.writesToDisk() {
		found.Add("Task.EphemeralStorageGiB", t.EphemeralStorageGiB,
			"cannot be used: {Task.ReadonlyRootFilesystem} is true and none of {Task.MountPoints} is "+
				"scratch space that can be written to; add one, such as /tmp")
	}
}

func validateHealthCheck(found *FieldErrors, h *HealthCheck) {
	if h == nil {
		return
	}
	if len(h.Command) < 2 || h.Command[0] != "CMD" && h.Command[0] != "CMD-SHELL" {
		found.Add("Task.HealthCheck.Command", h.Command,
			`needs to begin with CMD or CMD-SHELL, such as ["CMD-SHELL", "test -f /tmp/ready"]`)
	}
	for _, field := range []struct {
		name               string
		value, least, most int
	}{
		{"IntervalSeconds", h.IntervalSeconds, 5, 300}, {"TimeoutSeconds", h.TimeoutSeconds, 2, 60},
		{"Retries", h.Retries, 1, 10}, {"StartPeriodSeconds", h.StartPeriodSeconds, 0, 300},
	} {
		if field.value != 0 {
			checkRange(found, "Task.HealthCheck."+field.name, field.value, field.least, field.most,
				"what ECS allows")
		}
	}
}
