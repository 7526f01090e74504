package timeline

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAlarmLog(t *testing.T) {
	t.Parallel()
	var l AlarmLog
	l.Note(0, "b", false)
	l.Note(1, "b", true)
	l.Note(2, "a", true)
	l.Note(2, "b", true)
	l.Note(3, "b", false)
	assert.Equal(t, []Span{{"b", 1, 3}, {"a", 2, 9}}, l.Spans(9))
	l.Note(9, "b", true)
	assert.Equal(t, []Span{{"b", 1, 3}, {"a", 2, 10}, {"b", 9, 10}}, l.Spans(10))
}

// texts of an SVG, which has to be well-formed.
func texts(t *testing.T, svg []byte) (all []string) {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	inText := false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			inText = token.Name.Local == "text"
		case xml.CharData:
			if inText {
				all = append(all, string(token))
			}
			inText = false
		}
	}
}

func TestTimelineHasAllThereIsToSee(t *testing.T) {
	t.Parallel()
	line := &Timeline{
		Title: "a <stack> & more", Unit: "minutes",
		Points: []Point{{At: 0, CPU: math.NaN()}, {At: 10, Waiting: 40, CPU: math.NaN()},
			{At: 20, InFlight: 40, DesiredTasks: 2, RunningTasks: 2, ProtectedTasks: 2, CPU: 12},
			{At: 30, CPU: math.NaN()}},
		Alarms: []Span{{"scale-out", 10, 20}, {"idle", 25, 30}},
	}
	var svg bytes.Buffer
	require.NoError(t, line.WriteSVG(&svg))
	got := texts(t, svg.Bytes())
	for _, want := range []string{"a <stack> & more", "minutes", "messages", "tasks",
		"CPU, % of what the tasks " +
			"reserve", "alarms in ALARM", "scale-out", "idle", "waiting", "in flight",
		"running", "desired", "0", "5", "30"} {
		assert.Contains(t, got, want)
	}
	assert.NotContains(t, got, "not wanted, but protected while they work")
	line.Points[2].DesiredTasks = 1
	svg.Reset()
	require.NoError(t, line.WriteSVG(&svg))
	assert.Contains(t, texts(t, svg.Bytes()), "not wanted, but protected while they work")
	line.Unit = HoursOfTheDay
	svg.Reset()
	require.NoError(t, line.WriteSVG(&svg))
	assert.Contains(t, texts(t, svg.Bytes()), "21:00")
}

// TestNothingToSee: a run that ended at once draws, too.
func TestNothingToSee(t *testing.T) {
	t.Parallel()
	var svg bytes.Buffer
	require.NoError(t, (&Timeline{Unit: "seconds"}).WriteSVG(&svg))
	require.NoError(t, WriteWaits(&svg, nil))
	require.NoError(t, WriteCosts(&svg, nil))
	require.NoError(t, WriteCosts(&svg, []Series{{Name: "free", X: []float64{1}, Y: []float64{0}}}))
}

// TestRoundTicks: from 0, at round numbers, and never more than asked for.
func TestRoundTicks(t *testing.T) {
	t.Parallel()
	cases := map[float64][]string{
		0.4: {"0"}, 1.1: {"0", "1"}, 5.5: {"0", "1", "2", "3", "4", "5"}, 6: {"0", "2", "4", "6"},
		12.3: {"0", "5", "10"},
		110:  {"0", "20", "40", "60", "80", "100"}, 132: {"0", "50", "100"},
		250: {"0", "50", "100", "150", "200", "250"},
	}
	for highest, want := range cases {
		var got []string
		for _, tick := range roundTicks(6).Ticks(-1, highest) {
			got = append(got, tick.Label)
		}
		assert.Equal(t, want, got, highest)
	}
}
