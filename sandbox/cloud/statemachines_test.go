package cloud

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	stateMachinesTrust = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"Service":"states.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	machineRights = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["sqs:GetQueueAttributes"],
			"Resource":["arn:aws:sqs:us-west-1:123456789012:jobs.fifo"]},
		{"Effect":"Allow","Action":["ecs:*"],
			"Resource":"arn:aws:ecs:us-west-1:123456789012:service/apps/work*"}]}`
)

// asking is a machine that asks for counts and sets a desired count, in the words of its states.
const asking = `{"QueryLanguage":"JSONata","StartAt":"Ask","States":{
	"Ask":{"Type":"Task","Resource":"arn:aws:states:::aws-sdk:sqs:getQueueAttributes",
		"Arguments":{"QueueUrl":"https://sqs.us-west-1.amazonaws.com/123456789012/jobs.fifo",
			"AttributeNames":["All"]},
		"Assign":{"n":"{% $number($states.result.Attributes.ApproximateNumberOfMessages) %}"},
		"Catch":[{"ErrorEquals":["Sqs.QueueDoesNotExistException"],"Next":"Gone"}],"Next":"Any"},
	"Any":{"Type":"Choice","Choices":[{"Condition":"{% $n > 0 %}","Next":"Hold"}],"Default":"Done"},
	"Hold":{"Type":"Wait","Seconds":"{% $n * 10 %}","Next":"Set"},
	"Set":{"Type":"Task","Resource":"arn:aws:states:::aws-sdk:ecs:updateService",
		"Arguments":{"Cluster":"apps","Service":"worker","DesiredCount":"{% $n %}"},"End":true},
	"Gone":{"Type":"Pass","Assign":{"error":"{% $states.input.Error %}"},"End":true},
	"Done":{"Type":"Succeed"}}}`

// machine puts a state machine and its role into the world.
func (w *world) machine(definition string) *StateMachine {
	w.Helper()
	role, err := w.account.PutRole(Role{Name: "machine", AssumeRolePolicy: stateMachinesTrust})
	require.NoError(w, err)
	_, err = w.account.PutRolePolicy(RolePolicy{Role: "machine", Name: "rights", Policy: machineRights})
	require.NoError(w, err)
	m, err := w.account.PutStateMachine(StateMachine{Name: "asks", Type: "EXPRESS", RoleARN: role.ARN,
		Definition: definition})
	require.NoError(w, err)
	return m
}

func (w *world) start(m *StateMachine, input string) {
	w.Helper()
	require.NoError(w, w.control.StartExecution(w.now, m.ARN, input))
}

// TestAStateMachineRuns what its definition says, when it says so.
func TestAStateMachineRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.options.Express.CountLag = 0 })
	m := w.machine(asking)
	w.start(m, "{}")
	w.pass(time.Second)
	assert.Equal(t, ExpressUse{Started: 1, Asks: 1, Billed: 100 * time.Millisecond}, w.control.ExpressUse(),
		"an empty queue")
	w.send(2)
	w.start(m, "{}")
	w.pass(20 * time.Second)
	assert.Zero(t, w.service.DesiredCount)
	w.pass(5 * time.Second)
	assert.Equal(t, 2, w.service.DesiredCount)
	use := w.control.ExpressUse()
	assert.Equal(t, 2, use.Asks)
	assert.Equal(t, 1, use.Wakes)
	assert.Equal(t, 2, use.Answered)
	assert.Equal(t, "asks: 0 -> 2 tasks (asked SQS: 2 messages waiting)", w.control.Activities()[0].String())
	assert.Equal(t, 20*time.Second+200*time.Millisecond, use.Billed,
		"twenty seconds and two calls, and the first execution")
}

// TestAnExecutionKeepsItsDefinition, and is kept from nothing by a machine that is gone.
func TestAnExecutionKeepsItsDefinition(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.options.Express.CountLag = 0 })
	m := w.machine(asking)
	w.send(1)
	w.start(m, "{}")
	w.pass(5 * time.Second)
	changed := *m
	changed.Definition, changed.parsed = strings.ReplaceAll(asking, "{% $n %}", "{% $n + 5 %}"), nil
	_, err := w.account.PutStateMachine(changed)
	require.NoError(t, err)
	require.NoError(t, w.account.DeleteStateMachine(m.ARN))
	w.pass(30 * time.Second)
	assert.Equal(t, 1, w.service.DesiredCount)
	assert.ErrorContains(t, w.control.StartExecution(w.now, m.ARN, "{}"), "StateMachineDoesNotExist")
}

// TestCallsOfAStateMachine: each is made under its role, and what is gone or refused is an
// error that a Catch may name.
func TestCallsOfAStateMachine(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason string
		change func(w *world)
		failed int
		says   string // of the activities
	}{
		"all well": {"it ends at once", func(*world) {}, 0, ""},
		"queue gone": {"the error is caught", func(w *world) {
			require.NoError(w, w.account.DeleteQueue(w.queue.URL))
		}, 0, "QueueDoesNotExist"},
		"role gone": {"and that error is not", func(w *world) {
			delete(w.account.Roles, "machine")
		}, 1, "not authorized to perform: sqs:GetQueueAttributes"},
		"rights taken away": {"a call is denied", func(w *world) { w.rights(`[]`) }, 1, "not authorized"},
		"denied by name": {"a refusal wins", func(w *world) {
			w.rights(`[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"sqs:Get*",` +
				`"Resource":"*"}]`)
		}, 1, "not authorized"},
		"on a condition": {"which the model does not know", func(w *world) {
			w.rights(`[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"a":"b"}}}]`)
		}, 1, "not authorized"},
		"another queue": {"the right is for one", func(w *world) {
			w.rights(`[{"Effect":"Allow","Action":"*","Resource":"arn:aws:sqs:us-west-1:123456789012:` +
				`other.fifo"}]`)
		}, 1, "not authorized"},
		"service denied": {"after the wait", func(w *world) {
			w.send(1)
			w.rights(`[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]`)
		}, 1, "ecs:UpdateService"},
		"service gone": {"the same", func(w *world) {
			w.send(1)
			require.NoError(w, w.account.DeleteService(w.service.ARN))
		}, 1, "ServiceNotFound"},
		"throttled": {"the same", func(w *world) {
			w.send(1)
			w.control.o.Express.Throttled = 1
		}, 1, "Rate exceeded"},
		"a question mark": {"stands for one character", func(w *world) {
			w.rights(`[{"Effect":"Allow","Action":"sqs:GetQueueAttribute?","Resource":"arn:aws:sqs:*:` +
				`jobs.????"}]`)
		}, 0, ""},
		"no such expression": {"undefined is an error", func(w *world) {
			w.redefine("$states.result.Attributes.ApproximateNumberOfMessages", "$states.result.Nothing")
		}, 1, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(s *worldSettings) { s.options.Express.CountLag = 0 })
			m := w.machine(asking)
			tc.change(w)
			w.start(w.account.StateMachines[m.ARN], "{}")
			w.pass(50 * time.Second)
			assert.Equal(t, tc.failed, w.control.ExpressUse().Failed, tc.reason)
			if tc.says == "" {
				assert.Empty(t, w.control.Activities(), tc.reason)
			} else {
				assert.Contains(t, fmt.Sprint(w.control.Activities()), tc.says, tc.reason)
			}
		})
	}
}

// rights replaces those of the machine's role.
func (w *world) rights(statements string) {
	w.Helper()
	_, err := w.account.PutRolePolicy(RolePolicy{Role: "machine", Name: "rights",
		Policy: `{"Version":"2012-10-17","Statement":` + statements + `}`})
	require.NoError(w, err)
}

func (w *world) redefine(old, changed string) {
	w.Helper()
	w.machine(strings.ReplaceAll(asking, old, changed))
}

// TestExpressLimits: five minutes, at least once, or lost.
func TestExpressLimits(t *testing.T) {
	t.Parallel()
	run := func(change func(o *ExpressOptions), definition string) (*world, ExpressUse) {
		w := newWorld(t, func(s *worldSettings) {
			s.options.Express.CountLag = 0
			change(&s.options.Express)
		})
		w.start(w.machine(definition), `{"any":"input"}`)
		w.minutes(10)
		return w, w.control.ExpressUse()
	}
	_, use := run(func(*ExpressOptions) {},
		`{"QueryLanguage":"JSONata","StartAt":"W","States":{"W":{"Type":"Wait","Seconds":301,"End":true}}}`)
	assert.Equal(t, ExpressUse{Started: 1, Failed: 1, Billed: 5 * time.Minute}, use)
	_, use = run(func(o *ExpressOptions) { o.Twice = 1 }, asking)
	assert.Equal(t, 2, use.Started)
	_, use = run(func(o *ExpressOptions) { o.Lost = 1 }, asking)
	assert.Zero(t, use.Started)
}

// TestCountsLag: an answer is as old as the reading says, whatever has been sent, received
// and deleted meanwhile.
func TestCountsLag(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.box.visibleBefore(w.now, time.Minute) // from now on what is taken is kept
	at := func(ago time.Duration) int { return w.box.visibleBefore(w.now, ago) }
	w.pass(10 * time.Second)
	w.send(3)
	w.pass(time.Second)
	assert.Equal(t, 3, at(0))
	assert.Equal(t, 0, at(2*time.Second), "it was not there yet")
	received := w.receive(time.Minute)
	require.Len(t, received, 3)
	require.NoError(t, w.box.Delete(w.now, received[0].ReceiptHandle))
	require.NoError(t, w.box.ChangeVisibility(w.now, received[1].ReceiptHandle, 0))
	assert.Equal(t, 1, at(0))
	w.pass(time.Second)
	assert.Equal(t, 1, at(0), "the one that was shown again")
	assert.Equal(t, 3, at(1500*time.Millisecond), "all were there before they were received")
	assert.Equal(t, 0, at(5*time.Second))
}

// TestSchedulesStartStateMachines: once a minute, at their second or at one that they draw,
// unless they are disabled or their role may not.
func TestSchedulesStartStateMachines(t *testing.T) {
	t.Parallel()
	started := func(change func(w *world, s *Schedule)) ExpressUse {
		w := newWorld(t, func(s *worldSettings) { s.options.Phases = SeededPhases(7) })
		m := w.machine(asking)
		_, err := w.account.PutRolePolicy(RolePolicy{Role: "scheduler", Name: "start",
			Policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"states:` +
				`StartExecution","Resource":"` + m.ARN + `"}]}`})
		require.NoError(t, err)
		s := Schedule{
			Name: "each-minute", ScheduleExpression: "rate(1 minute)",
			FlexibleTimeWindow: FlexibleTimeWindow{"OFF"},
			Target: ScheduleTarget{ARN: m.ARN, RoleARN: globalARN("iam", "role/scheduler"),
				Input: `{"scheduled":true}`, RetryPolicy: &RetryPolicy{MaximumRetryAttempts: new(int)}},
		}
		change(w, &s)
		_, err = w.account.PutSchedule(s)
		require.NoError(t, err)
		w.minutes(61)
		return w.control.ExpressUse()
	}
	assert.InDelta(t, 60, started(func(*world, *Schedule) {}).Started, 1)
	assert.InDelta(t, 60, started(func(w *world, _ *Schedule) {
		w.control.o.ScheduleDrawsItsSecond = true
	}).Started, 1)
	assert.Equal(t, 1, started(func(_ *world, s *Schedule) { s.ScheduleExpression = "rate(1 hour)" }).Started)
	assert.Zero(t, started(func(_ *world, s *Schedule) { s.State = "DISABLED" }).Started)
	assert.Zero(t, started(func(w *world, _ *Schedule) {
		delete(w.account.RolePolicies, "scheduler:start")
	}).Started)
	assert.Zero(t, started(func(w *world, s *Schedule) {
		require.NoError(w, w.account.DeleteStateMachine(s.Target.ARN))
	}).Started)
}

// TestTheExecutionsOfAScheduleOverlap where it draws its second, and leave gaps.
func TestTheExecutionsOfAScheduleOverlap(t *testing.T) {
	t.Parallel()
	gaps := func(draws bool) (least, most time.Duration) {
		w := newWorld(t, func(s *worldSettings) {
			s.options.Phases = SeededPhases(3)
			s.options.ScheduleDrawsItsSecond = draws
		})
		m := w.machine(asking)
		w.account.RolePolicies["scheduler:start"] = &RolePolicy{Role: "scheduler", Name: "start",
			Policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`}
		_, err := w.account.PutSchedule(Schedule{Name: "s", ScheduleExpression: "rate(1 minute)",
			FlexibleTimeWindow: FlexibleTimeWindow{"OFF"}, Target: ScheduleTarget{ARN: m.ARN,
				RoleARN: globalARN("iam", "role/scheduler")}})
		require.NoError(t, err)
		w.minutes(2)
		last, before := w.now, w.control.ExpressUse().Started
		least = time.Hour
		for range 3000 {
			w.pass(time.Second)
			if now := w.control.ExpressUse().Started; now > before {
				least, most = min(least, w.now.Sub(last)), max(most, w.now.Sub(last))
				last, before = w.now, now
			}
		}
		return least, most
	}
	least, most := gaps(false)
	assert.InDelta(t, time.Minute.Seconds(), most.Seconds(), 1)
	assert.Positive(t, least)
	least, most = gaps(true)
	assert.Less(t, least, 20*time.Second)
	assert.Greater(t, most, 100*time.Second)
	assert.LessOrEqual(t, most, 2*time.Minute)
}

// TestDefinitionsThatCannotBe, as Step Functions refuses them, and what the sandbox lacks.
func TestDefinitionsThatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := *w.machine(asking)
	state := func(body string) string {
		return `{"QueryLanguage":"JSONata","StartAt":"S","States":{"S":` + body + `}}`
	}
	for want, change := range map[string]func(*StateMachine){
		"STANDARD":    func(m *StateMachine) { m.Type = "STANDARD" },
		"InvalidName": func(m *StateMachine) { m.Name = "a b" },
		"level ALL": func(m *StateMachine) {
			m.LoggingConfiguration = &LoggingConfiguration{"ALL"}
		},
		"does not exist":           func(m *StateMachine) { m.RoleARN = globalARN("iam", "role/nobody") },
		"authorized to assume":     func(m *StateMachine) { m.RoleARN = globalARN("iam", "role/tasks") },
		"SCHEMA_VALIDATION_FAILED": func(m *StateMachine) { m.Definition = "{" },
		"QueryLanguage JSONata only": func(m *StateMachine) {
			m.Definition = `{"StartAt":"S","States":{"S":{"Type":"Succeed"}}}`
		},
		`names the state "Nowhere"`: func(m *StateMachine) {
			m.Definition = strings.Replace(asking, `"Next":"Any"`, `"Next":"Nowhere"`, 1)
		},
		"state Gone is not reachable": func(m *StateMachine) {
			m.Definition = strings.Replace(asking, `"Next":"Gone"`, `"Next":"Any"`, 1)
		},
		"the call arn:aws:states:::lambda": func(m *StateMachine) {
			m.Definition = state(`{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","End":true}`)
		},
		`type "Map"`: func(m *StateMachine) {
			m.Definition = state(`{"Type":"Map","End":true}`)
		},
		`unknown field "Retry"`: func(m *StateMachine) {
			m.Definition = state(`{"Type":"Task","Retry":[],"End":true}`)
		},
		"needs Next or End": func(m *StateMachine) { m.Definition = state(`{"Type":"Pass"}`) },
		"neither Next nor End": func(m *StateMachine) {
			m.Definition = state(`{"Type":"Choice","Choices":[],"Default":"S"}`)
		},
		"waits of Seconds only": func(m *StateMachine) {
			m.Definition = state(`{"Type":"Wait","End":true}`)
		},
		"INVALID_JSONATA_EXPRESSION": func(m *StateMachine) {
			m.Definition = state(`{"Type":"Wait","Seconds":"{% ( %}","End":true}`)
		},
		"what differs from time to time": func(m *StateMachine) {
			m.Definition = state(`{"Type":"Wait","Seconds":"{% $random() %}","End":true}`)
		},
	} {
		changed := m
		changed.parsed = nil
		change(&changed)
		_, err := w.account.PutStateMachine(changed)
		assert.ErrorContains(t, err, want)
	}
	require.ErrorContains(t, w.control.StartExecution(w.now, m.ARN, "{"), "InvalidExecutionInput")
}

// TestStatesThatFail end the execution, with the error that Step Functions has for them.
func TestStatesThatFail(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"Fail": `"S":{"Type":"Fail","Error":"Mine","Cause":"as told"}`,
		"no condition holds": `"S":{"Type":"Choice","Choices":[{"Condition":"{% false ` +
			`%}","Next":"E"}]},"E":{"Type":"Succeed"}`,
		"condition is not a boolean": `"S":{"Type":"Choice","Choices":[{"Condition":"{% 1 ` +
			`%}","Next":"E"}],"Default":"E"},"E":{"Type":"Succeed"}`,
		"undefined variable":       `"S":{"Type":"Pass","Assign":{"a":"{% $b %}"},"End":true}`,
		"seconds that are a text":  `"S":{"Type":"Wait","Seconds":"{% 'a' %}","End":true}`,
		"seconds below 0":          `"S":{"Type":"Wait","Seconds":-1,"End":true}`,
		"round in circles":         `"S":{"Type":"Pass","Next":"E"},"E":{"Type":"Pass","Next":"S"}`,
		"output that is undefined": `"S":{"Type":"Pass","Output":"{% $states.input.nothing %}","End":true}`,
	} {
		w := newWorld(t)
		w.start(w.machine(`{"QueryLanguage":"JSONata","StartAt":"S","States":{`+body+`}}`), "{}")
		w.pass(time.Second)
		assert.Equal(t, 1, w.control.ExpressUse().Failed, name)
	}
}

// TestVariablesAndData: assignments see the variables before them, and what a state puts out
// is the next one's input.
func TestVariablesAndData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(w.machine(`{"QueryLanguage":"JSONata","StartAt":"A","States":{
		"A":{"Type":"Pass","Assign":{"a":1,"list":[3,4]},
			"Output":{"x":"{% $states.input.x + 1 %}"},"Next":"B"},
		"B":{"Type":"Pass","Assign":{"a":"{% $a + 1 %}","b":"{% $a * 10 %}"},"Next":"C"},
		"C":{"Type":"Choice","Choices":[{
			"Condition":"{% $a = 2 and $b = 10 and $states.input.x = 6 and $list[1] = 4 %}",
			"Assign":{"n":"{% $b %}"},"Next":"Set"}],"Default":"No"},
		"Set":{"Type":"Task","Resource":"arn:aws:states:::aws-sdk:ecs:updateService",
			"Arguments":{"Cluster":"apps","Service":"worker","DesiredCount":"{% $n %}"},"End":true},
		"No":{"Type":"Fail"}}}`), `{"x":5}`)
	w.pass(10 * time.Second)
	assert.Equal(t, 10, w.service.DesiredCount, "above the maximum of five: only auto scaling looks at that")
	assert.Zero(t, w.control.ExpressUse().Failed)
}
