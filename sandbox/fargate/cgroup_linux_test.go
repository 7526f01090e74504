package fargate

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFindCgroups in trees as machines have them. Folders without files are cgroups that hand no
// controller on.
func TestFindCgroups(t *testing.T) {
	t.Parallel()
	const control = "cgroup.subtree_control"
	v1 := func(point, root string, controllers ...string) *procfs.MountInfo {
		m := &procfs.MountInfo{FSType: "cgroup", MountPoint: point, Root: root,
			SuperOptions: map[string]string{}}
		for _, c := range controllers {
			m.SuperOptions[c] = ""
		}
		return m
	}
	v2 := func(point, root string) *procfs.MountInfo {
		return &procfs.MountInfo{FSType: "cgroup2", MountPoint: point, Root: root}
	}
	cases := map[string]struct {
		files  map[string]string
		mounts []*procfs.MountInfo
		own    []procfs.Cgroup
		want   string // the parent; "" if there is none
	}{
		"a session of systemd: the nearest that hands cpu on": {
			map[string]string{
				"u/" + control: "cpu io", "u/user.slice/" + control: "cpu memory", "u/user.slice/s.scope/" +
					control: "",
			},
			[]*procfs.MountInfo{v2("u", "/")}, []procfs.Cgroup{{Path: "/user.slice/s.scope"}}, "u/user.slice",
		},
		"the root is asked": {
			map[string]string{"u/" + control: ""},
			[]*procfs.MountInfo{v2("u", "/")}, []procfs.Cgroup{{Path: "/"}}, "u",
		},
		"cpuset is not cpu": {
			map[string]string{"u/" + control: "cpuset", "u/a/" + control: "cpu"},
			[]*procfs.MountInfo{v2("u", "/")}, []procfs.Cgroup{{Path: "/a"}}, "u/a",
		},
		"cpu in version 1, beside an empty version 2": {
			map[string]string{"c/app/tasks": ""},
			[]*procfs.MountInfo{v1("m", "/", "memory"), v2("u", "/"), v1("c", "/", "cpu", "cpuacct")},
			[]procfs.Cgroup{{HierarchyID: 2, Controllers: []string{"cpu", "cpuacct"}, Path: "/app"},
				{Path: "/"}},
			"c/app",
		},
		"a container whose mount begins at its own cgroup": {
			nil, []*procfs.MountInfo{v1("c", "/docker/1", "cpu")},
			[]procfs.Cgroup{{HierarchyID: 1, Controllers: []string{"cpu"}, Path: "/docker/1/x"}}, "c/x",
		},
		"a cgroup outside the mount": {
			nil, []*procfs.MountInfo{v1("c", "/docker/1", "cpu")},
			[]procfs.Cgroup{{HierarchyID: 1, Controllers: []string{"cpu"}, Path: "/docker/2"}}, "",
		},
		"none": {nil, nil, []procfs.Cgroup{{Path: "/"}}, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			for file, text := range tc.files {
				require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, file)), 0o700))
				require.NoError(t, os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600))
			}
			for _, m := range tc.mounts {
				m.MountPoint = filepath.Join(folder, m.MountPoint)
			}
			found, err := findCgroups(tc.mounts, tc.own)
			if tc.want == "" {
				require.EqualError(t, err, "no cgroup here has the cpu controller")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, filepath.Join(folder, tc.want), found.parent)
			assert.Equal(t, strings.HasPrefix(tc.want, "u"), found.unified)
		})
	}
}

// TestLimits are what the files of each version say for a quarter of a vCPU.
func TestLimits(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		unified bool
		want    map[string]string
	}{
		"version 1": {false, map[string]string{"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "25000"}},
		"version 2": {true, map[string]string{"cpu.max": "25000 100000"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &cgroup{cgroups{unified: tc.unified}, t.TempDir()}
			require.Error(t, g.limit(0.25), "where the controller's files are missing")
			for file := range tc.want {
				require.NoError(t, os.WriteFile(filepath.Join(g.folder, file), nil, 0o600))
			}
			require.NoError(t, g.limit(0.25))
			for file, want := range tc.want {
				text, err := os.ReadFile(filepath.Join(g.folder, file))
				require.NoError(t, err)
				assert.Equal(t, want, string(text), file)
			}
		})
	}
}

// TestVersion2StartsInTheCgroup: placement needs no controller, so it is tried wherever version 2
// is mounted for this process to write to.
func TestVersion2StartsInTheCgroup(t *testing.T) {
	t.Parallel()
	mounts, err := procfs.GetMounts()
	require.NoError(t, err)
	i := slices.IndexFunc(mounts, func(m *procfs.MountInfo) bool { return m.FSType == "cgroup2" })
	if i < 0 {
		t.Skip("version 2 is not mounted here")
	}
	folder, err := os.MkdirTemp(mounts[i].MountPoint, cgroupName+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		t.Skip("version 2 is not ours to write to: ", err)
	}
	g := &cgroup{cgroups{parent: mounts[i].MountPoint, unified: true}, folder}
	s := newStarter()
	t.Cleanup(s.stop)
	var own strings.Builder
	cmd := exec.Command("/bin/sh", "-c", "cat /proc/self/cgroup; setsid sleep 60 >/dev/null 2>&1 &")
	cmd.Stdout = &own
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	require.NoError(t, s.start(cmd, g))
	require.NoError(t, cmd.Wait())
	assert.Contains(t, own.String(), filepath.Base(folder)+"\n")
	g.remove()
	assert.NoDirExists(t, folder, "and what ran in it has ended")
}

// TestCgroupsAreRemoved: that of a task with the task, whatever it left running, and those that a
// killed sandbox left behind; never another sandbox's.
func TestCgroupsAreRemoved(t *testing.T) {
	t.Parallel()
	s := newStand(t, `[{"name": "worker"}]`, "setsid sleep 60 & sleep 0.2; exit 0")
	if reason := s.host.limit.reason; reason != nil {
		assert.Contains(t, s.host.CPULimit(s.host.account.TaskDefinitions["definition"]), reason.Error())
		return // without cgroups there are none to remove
	}
	groups := s.host.limit.groups
	s.host.StartTask(time.Now(), s.task)
	own := s.host.process(s.task).group
	require.NotNil(t, own)
	assert.DirExists(t, own.folder)
	s.host.Wait()
	assert.NoDirExists(t, own.folder)

	gone := exec.Command("/bin/true")
	require.NoError(t, gone.Run())
	leftBehind := filepath.Join(groups.parent, cgroupName+strconv.Itoa(gone.Process.Pid)+"-1")
	require.NoError(t, os.Mkdir(leftBehind, 0o700))
	another := filepath.Join(groups.parent, cgroupName+strconv.Itoa(os.Getppid())+"-1")
	require.NoError(t, os.Mkdir(another, 0o700))
	t.Cleanup(func() { assert.NoError(t, os.Remove(another)) })
	groups.removeLeftovers()
	assert.NoDirExists(t, leftBehind)
	assert.DirExists(t, another)
}
