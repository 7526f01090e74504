package fargate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// cgroupPeriod is the time over which the kernel grants CPU, its own default.
const cgroupPeriod = 100 * time.Millisecond

// cgroups makes a cgroup for each task, in a folder of the first or the second version of the
// kernel's interface: https://docs.kernel.org/admin-guide/cgroup-v2.html.
type cgroups struct {
	parent  string
	unified bool // version 2
}

// cgroup is that of a task. A nil one limits nothing.
type cgroup struct {
	cgroups
	folder string
}

// openCgroups finds where cgroups can be made and processes started in them, and removes what
// sandboxes that were killed left there. The error says why there is no such place.
func openCgroups(s *starter) (*cgroups, error) {
	self, err := procfs.Self()
	if err != nil {
		return nil, err
	}
	own, err := self.Cgroups()
	if err != nil {
		return nil, err
	}
	mounts, err := procfs.GetMounts()
	if err != nil {
		return nil, err
	}
	c, err := findCgroups(mounts, own)
	if err != nil {
		return nil, err
	}
	c.removeLeftovers()
	return c, c.try(s)
}

// try starts a process in a cgroup with the least CPU that Fargate offers.
func (c *cgroups) try(s *starter) error {
	const least = 0.25
	g, err := c.make(least)
	if err != nil {
		return err
	}
	defer g.remove()
	cmd := exec.Command("/bin/sh", "-c", ":")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := s.start(cmd, g); err != nil {
		return fmt.Errorf("no process can be started in a cgroup: %w", err)
	}
	return cmd.Wait()
}

// findCgroups finds the folder in which this process may make cgroups that limit CPU.
func findCgroups(mounts []*procfs.MountInfo, own []procfs.Cgroup) (*cgroups, error) {
	for _, m := range mounts {
		switch _, cpu := m.SuperOptions["cpu"]; {
		case m.FSType == "cgroup2":
			if parent := unifiedParent(m, own); parent != "" {
				return &cgroups{parent: parent, unified: true}, nil
			}
		case m.FSType == "cgroup" && cpu:
			if folder := folderIn(m, own, "cpu"); folder != "" {
				return &cgroups{parent: folder}, nil
			}
		}
	}
	return nil, errors.New("no cgroup here has the cpu controller")
}

// folderIn is the folder of this process's cgroup in the mounted hierarchy of a controller, or of
// version 2 if that is "". It is "" if the cgroup is outside what is mounted.
func folderIn(m *procfs.MountInfo, own []procfs.Cgroup, controller string) string {
	for _, c := range own {
		unified := c.HierarchyID == 0
		if unified != (controller == "") || !unified && !slices.Contains(c.Controllers, controller) {
			continue
		}
		if path, err := filepath.Rel(m.Root, c.Path); err == nil && filepath.IsLocal(path) {
			return filepath.Join(m.MountPoint, path)
		}
	}
	return ""
}

// unifiedParent is the nearest cgroup around this process that hands the cpu controller on to its
// children. A cgroup with processes in it cannot, except for the root, which is asked to.
func unifiedParent(m *procfs.MountInfo, own []procfs.Cgroup) string {
	const handedOn = "cgroup.subtree_control"
	hands := func(folder string) bool {
		controllers, err := os.ReadFile(filepath.Join(folder, handedOn))
		return err == nil && slices.Contains(strings.Fields(string(controllers)), "cpu")
	}
	folder := folderIn(m, own, "")
	if folder == "" {
		return ""
	}
	for ; folder != m.MountPoint; folder = filepath.Dir(folder) {
		if hands(folder) {
			return folder
		}
	}
	if hands(folder) || writeTo(folder, handedOn, "+cpu") == nil {
		return folder
	}
	return ""
}

// cgroupName begins the name of each cgroup of a task, before the id of the sandbox's process.
const cgroupName = "fargate-queue-worker-"

// make makes a cgroup that gets so much CPU.
func (c *cgroups) make(vcpu float64) (*cgroup, error) {
	folder, err := os.MkdirTemp(c.parent, fmt.Sprintf("%s%d-", cgroupName, os.Getpid()))
	if err != nil {
		return nil, fmt.Errorf("no cgroup can be made: %w", err)
	}
	g := &cgroup{*c, folder}
	if err := g.limit(vcpu); err != nil {
		g.remove()
		return nil, fmt.Errorf("a cgroup cannot be given %g vCPU: %w", vcpu, err)
	}
	return g, nil
}

func (g *cgroup) limit(vcpu float64) error {
	period := cgroupPeriod.Microseconds()
	quota := int64(vcpu * float64(period))
	if g.unified {
		return writeTo(g.folder, "cpu.max", fmt.Sprintf("%d %d", quota, period))
	}
	if err := writeTo(g.folder, "cpu.cfs_period_us", strconv.FormatInt(period, 10)); err != nil {
		return err
	}
	return writeTo(g.folder, "cpu.cfs_quota_us", strconv.FormatInt(quota, 10))
}

// writeTo sets a value of a cgroup. The kernel makes these files, and refuses to truncate some.
func writeTo(folder, file, value string) error {
	f, err := os.OpenFile(filepath.Join(folder, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// start starts a process that is in the cgroup from its beginning, so that all it starts is, too.
// The calling goroutine has a thread of its own: in version 1, a process is born into the cgroup of
// the thread that makes it.
func (g *cgroup) start(cmd *exec.Cmd) error {
	if g == nil {
		return cmd.Start()
	}
	if g.unified {
		folder, err := os.Open(g.folder)
		if err != nil {
			return err
		}
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(folder.Fd())
		return errors.Join(cmd.Start(), folder.Close())
	}
	const threads, thisThread = "tasks", "0"
	if err := writeTo(g.folder, threads, thisThread); err != nil {
		return err
	}
	err := cmd.Start()
	return errors.Join(err, writeTo(g.parent, threads, thisThread))
}

// remove kills what is left in the cgroup, and removes it. A process that does not end in time
// keeps it; a later sandbox removes it then.
func (g *cgroup) remove() {
	if g == nil {
		return
	}
	const patience, pause = 2 * time.Second, 5 * time.Millisecond
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(pause) {
		if err := syscall.Rmdir(g.folder); !errors.Is(err, syscall.EBUSY) {
			return
		}
		g.kill()
	}
}

func (g *cgroup) kill() {
	list, err := os.ReadFile(filepath.Join(g.folder, "cgroup.procs"))
	if err != nil {
		return // it is gone
	}
	for line := range strings.Lines(string(list)) {
		// A process that another container's name hides is listed as 0.
		if pid, err := strconv.Atoi(strings.TrimSpace(line)); err == nil && pid > 0 && pid != os.Getpid() {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
		}
	}
}

// removeLeftovers removes the cgroups of sandboxes that are gone. The kernel keeps one that has
// processes.
func (c *cgroups) removeLeftovers() {
	folders, err := fs.Glob(os.DirFS(c.parent), cgroupName+"*-*")
	if err != nil {
		return // the pattern is right
	}
	for _, name := range folders {
		var sandbox int
		if _, err := fmt.Sscanf(name, cgroupName+"%d-", &sandbox); err != nil {
			continue // it is not a sandbox's
		}
		if errors.Is(syscall.Kill(sandbox, 0), syscall.ESRCH) {
			_ = syscall.Rmdir(filepath.Join(c.parent, name))
		}
	}
}
