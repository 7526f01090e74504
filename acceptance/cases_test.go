package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/worker/consumer"
)

// otherwise are, by case, readings of AWS that differ from what is assumed, or ways to break it.
var otherwise = map[string]map[string]reading{
	"second-preview": {"ECS answers with a default of its own": {account: func(a *cloud.Account) {
		for _, d := range a.TaskDefinitions {
			d.ContainerDefinitions = strings.Replace(d.ContainerDefinitions, "{", `{"cpu":0,`, 1)
		}
	}}},
	"machine-runs": {
		"its role may not ask SQS": {account: func(a *cloud.Account) {
			for key := range a.RolePolicies {
				if strings.Contains(key, "wake") {
					a.RolePolicies[key].Policy = strings.ReplaceAll(a.RolePolicies[key].Policy,
						"sqs:GetQueueAttributes", "sqs:ListQueues")
				}
			}
		}},
		"its schedule is off": {account: func(a *cloud.Account) {
			for _, s := range a.Schedules {
				s.State = "DISABLED"
			}
		}},
	},
	"first-start": {
		"tasks take five minutes": {control: func(o *cloud.ControlOptions) {
			o.StartDelay = func(int) time.Duration { return 5 * time.Minute }
		}},
		"no machine": {account: func(a *cloud.Account) {
			for _, s := range a.Schedules {
				s.State = "DISABLED"
			}
		}},
	},
	"ring-at-once": {"counts are minutes old": {control: func(o *cloud.ControlOptions) {
		o.Express.CountLag = 4 * time.Minute
	}}},
	"protected-at-work": {"no agent": {withoutAgent: true}},
	"long-job": {
		"an idle alarm that looks at the CPU alone": {overrides: []string{"idleUnguarded=true"}},
		"and no protection": {
			overrides:    []string{"idleUnguarded=true"},
			withoutAgent: true,
		},
	},
	"idle-stop": {
		"nothing is scaled in":            {overrides: []string{"suspendScaleIn=true"}},
		"groups are reported only if any": {control: groups(cloud.GroupsReading{OnlyIfAny: true})},
	},
	"no-flapping": {"counts are minutes old": {control: func(o *cloud.ControlOptions) {
		o.Express.CountLag = 30 * time.Minute
	}}},
	"protection-refused": {
		"it is granted": {answer: map[string]func([]byte) []byte{"UpdateTaskProtection": func([]byte) []byte {
			return []byte(`{"protectedTasks":[{"protectionEnabled":true}],"failures":[]}`)
		}}},
		"for another reason": {
			answer: map[string]func([]byte) []byte{"UpdateTaskProtection": func(body []byte) []byte {
				return bytes.ReplaceAll(body, []byte("DEPLOYMENT_BLOCKED"), []byte("TASK_NOT_VALID"))
			}},
		},
	},
	"zero-spares-protected": {"protection spares nobody": {control: ignoreProtection}},
	"rolling-deployment":    {"protection spares nobody": {control: ignoreProtection}},
	"groups-each-minute": {
		"only if there are any": {control: groups(cloud.GroupsReading{OnlyIfAny: true})},
	},
	"groups-not-late": {"two minutes late": {control: groups(cloud.GroupsReading{LateMinutes: 2})}},
	"missing-plus-number": {"it stays missing": {control: func(o *cloud.ControlOptions) {
		o.MissingCountsAsZero = false
	}}},
	"dead-letter-alone": {
		"those behind it fail, too": {
			refuse: func(m *consumer.Message) bool { return m.GroupID == "failing" },
		},
	},
	"hung-up-poll": {
		"a poll ends with its connection": {
			server: func(s *awsapi.Server) { s.PollsEndWithConnection = true },
		},
	},
	"nothing-left": {"a log group stays": {stack: func(s *declaredStack) {
		for name := range s.account.LogGroups {
			s.leave = name
		}
	}}},
}

func ignoreProtection(o *cloud.ControlOptions) { o.ProtectionSparesNobody = true }

func groups(r cloud.GroupsReading) func(*cloud.ControlOptions) {
	return func(o *cloud.ControlOptions) { o.Groups = r }
}

// perform runs a case on the sandbox.
func perform(t *testing.T, c Case, r reading) (result Result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b, leave := newWorld(t, r)
		defer leave()
		result = c.Perform(t.Context(), b)
	})
	return result
}

// TestEachCasePasses on the sandbox as it is, within its usual time, and with evidence.
func TestEachCasePasses(t *testing.T) {
	t.Parallel()
	var calls sync.Map
	var performed atomic.Int64
	t.Cleanup(func() {
		if int(performed.Load()) < len(Cases()) {
			return // -run has left some out
		}
		var called []string
		calls.Range(func(action, _ any) bool {
			called = append(called, action.(string))
			return true
		})
		slices.Sort(called)
		assert.Equal(t, policyActions(t), called,
			"docs/policies/acceptance.json allows what the cases call, and nothing else")
	})
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			result := perform(t, c, reading{calls: &calls})
			performed.Add(1)
			assert.Equal(t, AsAssumed, result.Verdict, "%s\n%v", result.Seen, result.Evidence)
			assert.LessOrEqual(t, result.Took, time.Duration(c.Minutes)*time.Minute)
		})
	}
}

// TestEachCaseCanTell: in another reading, or when AWS is broken on purpose, it says so.
func TestEachCaseCanTell(t *testing.T) {
	t.Parallel()
	for _, c := range Cases() {
		require.NotEmpty(t, otherwise[c.Name], "%s needs a reading in which it comes out otherwise", c.Name)
		for _, name := range slices.Sorted(maps.Keys(otherwise[c.Name])) {
			t.Run(fmt.Sprintf("%s/%s", c.Name, name), func(t *testing.T) {
				t.Parallel()
				result := perform(t, c, otherwise[c.Name][name])
				assert.Equal(t, Otherwise, result.Verdict, "%s\n%v", result.Seen, result.Evidence)
				assert.Equal(t, c.IfNot, result.IfNot)
			})
		}
	}
}
