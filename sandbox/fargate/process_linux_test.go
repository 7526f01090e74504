package fargate

import (
	"bufio"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAGroupOfZombiesIsGone: a process that has ended and is not waited for keeps its group.
func TestAGroupOfZombiesIsGone(t *testing.T) {
	t.Parallel()
	leader := exec.Command("/bin/sh", "-c", "echo started; read line")
	leader.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	input, err := leader.StdinPipe()
	require.NoError(t, err)
	output, err := leader.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, leader.Start())
	_, err = bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	group := leader.Process.Pid
	assert.False(t, onlyZombies(group))
	require.NoError(t, input.Close())
	require.Eventually(t, func() bool { return onlyZombies(group) }, 5*time.Second, 5*time.Millisecond)
	require.NoError(t, syscall.Kill(-group, 0), "the kernel still knows the group")
	require.Error(t, leader.Wait(), "there was no line to read")
}
