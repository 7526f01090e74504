package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTheProgramAloneSaysSo, warns as it does on AWS, and names the command of the other way.
func TestTheProgramAloneSaysSo(t *testing.T) {
	t.Parallel()
	var output bytes.Buffer
	c := common{root: "..", stack: "prod", config: []string{"idleUnguarded=true"}, output: &output}
	account, err := (&demoCommand{}).deployAlone(c)
	require.NoError(t, err)
	assert.Len(t, account.Services, 1)
	assert.Regexp(t, `Stack prod: \d\d resources on the model of AWS, made by the program alone, since\nno `+
		`pulumi is on the PATH`, output.String())
	assert.Contains(t, output.String(), "\n  go run ./sandbox --pulumi\n")
	assert.Contains(t, output.String(), "warning: idleUnguarded: true: the CPU alarm alone decides")
	c.config = []string{"minCapacity=9", "queueName=jobs"}
	_, err = (&demoCommand{}).deployAlone(c)
	require.ErrorContains(t, err, "minCapacity: 9: is above maxCapacity")
	require.ErrorContains(t, err, "queueName: ")
	assert.NotContains(t, err.Error(), "error occurred", "nothing of Pulumi's lists")
}

// TestOptionalFlag tells what is not given from false.
func TestOptionalFlag(t *testing.T) {
	t.Parallel()
	var b optionalBool
	assert.Equal(t, "", b.String())
	require.NoError(t, b.Set("false"))
	assert.Equal(t, optionalBool{given: true}, b)
	assert.Equal(t, "false", b.String())
	require.EqualError(t, b.Set("perhaps"), "needs to be true or false")
}
