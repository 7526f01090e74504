package program

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"fargate-queue-worker/components"
)

func (r *configReader) volumes() []components.Volume {
	var raw []struct {
		Name string
		EFS  *struct{ FileSystemID, AccessPointID, RootDirectory string }
	}
	r.object("volumes", &raw, "a list of {name, efs: {fileSystemId, accessPointId, rootDirectory}}")
	var volumes []components.Volume
	for _, v := range raw {
		volume := components.Volume{Name: v.Name}
		if v.EFS != nil {
			volume.EFS = &components.EFSVolume{
				FileSystemID:  optional(v.EFS.FileSystemID),
				AccessPointID: optional(v.EFS.AccessPointID),
				RootDirectory: v.EFS.RootDirectory,
			}
		}
		volumes = append(volumes, volume)
	}
	return volumes
}

func (r *configReader) mountPoints() []components.MountPoint {
	var raw []struct {
		SourceVolume, ContainerPath string
		ReadOnly                    bool
	}
	r.object("mountPoints", &raw, "a list of {sourceVolume, containerPath, readOnly}")
	var points []components.MountPoint
	for _, m := range raw {
		points = append(points, components.MountPoint{SourceVolume: m.SourceVolume,
			ContainerPath: m.ContainerPath, ReadOnly: m.ReadOnly})
	}
	return points
}

func (r *configReader) healthCheck() *components.HealthCheck {
	var raw struct {
		Command                                 []string
		Interval, Timeout, Retries, StartPeriod int
	}
	r.object("healthCheck", &raw, "of the form {command, interval, timeout, retries, startPeriod}")
	if r.isEmpty("healthCheck") {
		return nil
	}
	return &components.HealthCheck{
		Command: raw.Command, IntervalSeconds: raw.Interval, TimeoutSeconds: raw.Timeout,
		Retries: raw.Retries, StartPeriodSeconds: raw.StartPeriod,
	}
}

// sidecars are container definitions, taken as they are.
func (r *configReader) sidecars() []pulumi.Map {
	var raw []map[string]any
	r.object("sidecars", &raw, "a list of container definitions, as the ECS API has them")
	var list []pulumi.Map
	for _, definition := range raw {
		list = append(list, r.secretly("sidecars", definition))
	}
	return list
}

// settings is a map of the ECS API, taken as it is; nil if it is empty.
func (r *configReader) settings(key string) pulumi.Map {
	var raw map[string]any
	r.object(key, &raw, "a map, as the ECS API has it")
	if len(raw) == 0 {
		return nil
	}
	return r.secretly(key, raw)
}

// secretly keeps texts secret in the state that are secret in the stack's file.
func (r *configReader) secretly(key string, values map[string]any) pulumi.Map {
	return toInput(values, r.secret(key)).(pulumi.Map)
}

// toInput turns what JSON has into Pulumi's values.
func toInput(value any, secret bool) pulumi.Input {
	switch value := value.(type) {
	case map[string]any:
		converted := pulumi.Map{}
		for key, item := range value {
			// Names are what everything else goes by, and no secret.
			converted[key] = toInput(item, secret && key != "name" && key != "image")
		}
		return converted
	case []any:
		converted := pulumi.Array{}
		for _, item := range value {
			converted = append(converted, toInput(item, secret))
		}
		return converted
	case string:
		if secret {
			return pulumi.ToSecret(pulumi.String(value)).(pulumi.StringOutput)
		}
		return pulumi.String(value)
	case bool:
		return pulumi.Bool(value)
	case float64:
		if whole := int(value); float64(whole) == value {
			return pulumi.Int(whole)
		}
		return pulumi.Float64(value)
	}
	return nil
}
