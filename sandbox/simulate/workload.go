package simulate

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Workload is what a queue is sent, and how much work that is.
type Workload struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	// Groups that messages belong to, at random; 0 gives each message its own.
	Groups int `yaml:"groups"`
	// Work that a message needs.
	Work Distribution `yaml:"work"`
	// CPU that handlers and the worker use.
	CPU CPU `yaml:"cpu"`
	// Memory is what a handler needs while it works, in MiB. Default 64, a small
	// interpreted program with an SDK.
	Memory int `yaml:"memory"`
	// Arrivals add up.
	Arrivals []Arrival `yaml:"arrivals"`
	// Trace is what arrived, as recorded; it takes the place of Arrivals. One that ends
	// within its first day is repeated each day, a longer one is taken as it is.
	Trace []Job `yaml:"-"`
	// From is what LoadWorkload was given: a name or a file.
	From string `yaml:"-" json:"-"`
}

// Distribution of durations: always Median, or log-normal if there is a P95.
type Distribution struct {
	Median time.Duration `yaml:"median"`
	P95    time.Duration `yaml:"p95"`
}

// CPU in percent of one vCPU.
type CPU struct {
	// Working is what a handler uses while it works and nothing slows it down: 100 is a
	// program that computes on one core, 5 one that mostly waits for others. Handlers
	// that want more than the task reserves slow each other down. Default 5.
	Working float64 `yaml:"working"`
	// Idle is what the worker itself uses, in percent of a quarter vCPU, however much a
	// task reserves. Default 0.05.
	Idle float64 `yaml:"idle"`
}

// Arrival is one way in which messages come, each day anew. One of PerDay, Rate,
// and Messages says how many.
type Arrival struct {
	// PerDay messages at random times.
	PerDay float64 `yaml:"perDay"`
	// Rate in messages a minute by time of day (15:04), straight lines between.
	Rate map[string]float64 `yaml:"rate"`
	// Messages at once, At a time of day (15:04); or Bursts times a day at random
	// times From one To another.
	Messages int    `yaml:"messages"`
	At       string `yaml:"at"`
	Bursts   int    `yaml:"bursts"`
	From     string `yaml:"from"`
	To       string `yaml:"to"`
}

// Job is a message and the work it asks for.
type Job struct {
	At    time.Duration // since the start
	Group int
	Work  time.Duration
	// Failures are how the first calls of the handler end; those after them succeed.
	Failures []error
}

//go:embed workloads/*.yaml
var shipped embed.FS

const day = 24 * time.Hour

// Shipped are the workloads that come with the project, by name.
func Shipped() ([]*Workload, error) {
	files, err := fs.Glob(shipped, "workloads/*.yaml")
	if err != nil {
		return nil, err
	}
	var all []*Workload
	for _, file := range files {
		text, err := shipped.ReadFile(file)
		if err != nil {
			return nil, err
		}
		w, err := parseWorkload(file, text)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

// ShippedNames are the names of the workloads that come with the project.
func ShippedNames() []string {
	entries, err := shipped.ReadDir("workloads")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	var names []string
	for _, entry := range entries {
		names = append(names, strings.TrimSuffix(entry.Name(), filepath.Ext(entry.Name())))
	}
	return names
}

// LoadWorkload finds a workload that is shipped by its name, or reads a file: YAML,
// or CSV with the columns at, group and seconds.
func LoadWorkload(nameOrFile string) (*Workload, error) {
	list, err := Shipped()
	if err != nil {
		return nil, err
	}
	for _, w := range list {
		if w.Name == nameOrFile {
			w.From = nameOrFile
			return w, nil
		}
	}
	w, err := readWorkload(nameOrFile)
	if err != nil {
		return nil, err
	}
	w.From = nameOrFile
	return w, nil
}

func readWorkload(file string) (*Workload, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--workload: %q: needs to be a file, YAML or CSV, or one of %s", file,
			strings.Join(ShippedNames(), ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("--workload: %w", err)
	}
	text = bytes.TrimPrefix(text, byteOrderMark)
	if filepath.Ext(file) == ".csv" {
		return parseTrace(file, bytes.NewReader(text))
	}
	return parseWorkload(file, text)
}

// byteOrderMark is what Excel, among others, puts before UTF-8.
var byteOrderMark = []byte("\ufeff")

func parseWorkload(file string, text []byte) (*Workload, error) {
	w := &Workload{}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(w); err != nil {
		return nil, fmt.Errorf("workload %s: %w", file, err)
	}
	if w.Name == "" {
		w.Name = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
	if err := w.check(); err != nil {
		return nil, fmt.Errorf("workload %s:\n%w", file, err)
	}
	return w, nil
}

// measuredVCPU is the task that CPU.Idle is relative to: the project's worker was
// measured at 0.045 % of a quarter vCPU.
const measuredVCPU = 0.25

// What a handler needs whose workload does not say.
var defaultCPU = CPU{Working: 5, Idle: 0.05}

const defaultMemory = 64

// most of what a handler may need, as much as the largest task of Fargate has.
const (
	mostVCPUs  = 16
	mostMemory = 120 * 1024
)

func (w *Workload) check() error {
	var wrong []error
	add := func(key string, value any, want string) {
		wrong = append(wrong, fmt.Errorf("%s: %v: needs to be %s", key, value, want))
	}
	if w.CPU == (CPU{}) {
		w.CPU = defaultCPU
	}
	if w.Groups < 0 {
		add("groups", w.Groups, "0 (each message its own) or more")
	}
	if w.Work.Median <= 0 {
		add("work.median", w.Work.Median, "a duration above 0, such as 30s")
	}
	if w.Work.P95 != 0 && w.Work.P95 < w.Work.Median {
		add("work.p95", w.Work.P95, "no less than the median, or left out")
	}
	if w.Memory == 0 {
		w.Memory = defaultMemory
	}
	if !(w.CPU.Working >= 0 && w.CPU.Working <= 100*mostVCPUs) {
		add("cpu.working", w.CPU.Working, fmt.Sprintf("0 to %d, percent of one vCPU that a handler uses",
			100*mostVCPUs))
	}
	if !(w.CPU.Idle >= 0 && w.CPU.Idle <= 100) {
		add("cpu.idle", w.CPU.Idle, "0 to 100, percent of a quarter vCPU that the worker uses")
	}
	if w.Memory < 1 || w.Memory > mostMemory {
		add("memory", w.Memory, fmt.Sprintf("1 to %d MiB that a handler needs", mostMemory))
	}
	if len(w.Arrivals) == 0 {
		add("arrivals", "none", "a list")
	}
	for i, a := range w.Arrivals {
		if err := a.check(); err != nil {
			wrong = append(wrong, fmt.Errorf("arrivals, number %d: %w", i+1, err))
		}
	}
	slices.SortFunc(wrong, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errors.Join(wrong...)
}

// mostADay is what an arrival may amount to.
const mostADay = 10_000_000

func (a Arrival) check() error {
	if !(a.PerDay >= 0 && a.PerDay <= mostADay) || a.Messages < 0 || a.Bursts < 0 ||
		a.Messages*max(1, a.Bursts) > mostADay {
		return fmt.Errorf("perDay %g, messages %d, bursts %d: need to be 0 or more, and up to %d a day",
			a.PerDay, a.Messages, a.Bursts, mostADay)
	}
	ways := 0
	for _, has := range []bool{a.PerDay > 0, len(a.Rate) > 0, a.Messages > 0} {
		if has {
			ways++
		}
	}
	if ways != 1 {
		return errors.New("needs one of perDay, rate and messages, above 0")
	}
	if a.Messages == 0 && (a.At != "" || a.Bursts > 0 || a.From != "" || a.To != "") {
		return errors.New("at, bursts, from and to go with messages")
	}
	if a.Messages > 0 && (a.At == "") == (a.Bursts == 0) {
		return errors.New("messages need a time (at) or a number of bursts a day")
	}
	for _, text := range []string{a.At, a.From, a.To} {
		if _, err := timeOfDay(text); text != "" && err != nil {
			return err
		}
	}
	if a.Bursts > 0 {
		if from, to := a.between(); from >= to {
			return fmt.Errorf("from %q: needs to be before to %q", a.From, a.To)
		}
	}
	_, err := a.curve()
	return err
}

func timeOfDay(text string) (time.Duration, error) {
	if text == "24:00" {
		return day, nil
	}
	t, err := time.Parse("15:04", text)
	if err != nil {
		return 0, fmt.Errorf("%q: needs to be a time of day, such as 14:30", text)
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}

// between is when bursts come; the whole day unless it is said.
func (a Arrival) between() (from, to time.Duration) {
	to = day
	if a.From != "" {
		from, _ = timeOfDay(a.From) // checked when it was read
	}
	if a.To != "" {
		to, _ = timeOfDay(a.To) // likewise
	}
	return from, to
}

// knot is a point of a rate curve.
type knot struct {
	at        time.Duration
	perMinute float64
}

func (a Arrival) curve() ([]knot, error) {
	var list []knot
	for text, rate := range a.Rate {
		at, err := timeOfDay(text)
		if err != nil {
			return nil, err
		}
		if !(rate >= 0 && rate <= mostADay/24/60) {
			return nil, fmt.Errorf("rate at %s: %g: needs to be 0 or more messages a minute", text, rate)
		}
		list = append(list, knot{at, rate})
	}
	slices.SortFunc(list, func(a, b knot) int { return cmp.Compare(a.at, b.at) })
	return list, nil
}

// jobs are the workload's, in order, for a number of days. The same seed gives the
// same jobs.
func (w *Workload) jobs(seed uint64, days int) iter.Seq[Job] {
	if w.Trace != nil {
		return w.repeatTrace(days)
	}
	return func(yield func(Job) bool) {
		random := rand.New(rand.NewPCG(seed, 0))
		own := 0
		for d := range days {
			for _, at := range w.arrivals(random) {
				job := Job{At: time.Duration(d)*day + at, Work: w.Work.draw(random)}
				if w.Groups > 0 {
					job.Group = random.IntN(w.Groups)
				} else {
					job.Group = own
					own++
				}
				if !yield(job) {
					return
				}
			}
		}
	}
}

// arrivals of a day, in order.
func (w *Workload) arrivals(random *rand.Rand) []time.Duration {
	var all []time.Duration
	for _, a := range w.Arrivals {
		switch {
		case a.PerDay > 0:
			all = append(all, poisson(random, a.PerDay, func(time.Duration) float64 { return 1 })...)
		case a.At != "":
			at, _ := timeOfDay(a.At) // checked when it was read
			// Some second of that minute: none is special to CloudWatch's.
			at += time.Duration(random.Int64N(int64(time.Minute)))
			all = append(all, slices.Repeat([]time.Duration{at}, a.Messages)...)
		case a.Bursts > 0:
			from, to := a.between()
			for range a.Bursts {
				all = append(all, slices.Repeat([]time.Duration{from +
					time.Duration(random.Int64N(int64(to-from)))}, a.Messages)...)
			}
		default:
			all = append(all, byRate(random, a)...)
		}
	}
	slices.Sort(all)
	return all
}

// poisson draws about count times from a day, each kept with a probability.
func poisson(random *rand.Rand, count float64, keep func(time.Duration) float64) []time.Duration {
	var all []time.Duration
	mean := float64(day) / count
	for at := random.ExpFloat64() * mean; at < float64(day); at += random.ExpFloat64() * mean {
		if d := time.Duration(at); random.Float64() < keep(d) {
			all = append(all, d)
		}
	}
	return all
}

// byRate thins out arrivals at the highest rate.
func byRate(random *rand.Rand, a Arrival) []time.Duration {
	curve, _ := a.curve() // checked when it was read
	highest := 0.0
	for _, k := range curve {
		highest = max(highest, k.perMinute)
	}
	if highest == 0 {
		return nil
	}
	return poisson(random, highest*day.Minutes(), func(at time.Duration) float64 {
		return rateAt(curve, at) / highest
	})
}

// rateAt reads a curve, which stays level before its first point and after its last.
func rateAt(curve []knot, at time.Duration) float64 {
	for i, k := range curve {
		if at >= k.at {
			continue
		}
		if i == 0 {
			return k.perMinute
		}
		before := curve[i-1]
		share := float64(at-before.at) / float64(k.at-before.at)
		return before.perMinute + share*(k.perMinute-before.perMinute)
	}
	return curve[len(curve)-1].perMinute
}

// z95 is the 95th percentile of the standard normal distribution.
const z95 = 1.6448536269514722

func (d Distribution) draw(random *rand.Rand) time.Duration {
	if d.P95 <= d.Median {
		return d.Median
	}
	sigma := math.Log(float64(d.P95)/float64(d.Median)) / z95
	return time.Duration(float64(d.Median) * math.Exp(sigma*random.NormFloat64()))
}

// mean of the distribution.
func (d Distribution) mean() time.Duration {
	if d.P95 <= d.Median {
		return d.Median
	}
	sigma := math.Log(float64(d.P95)/float64(d.Median)) / z95
	return time.Duration(float64(d.Median) * math.Exp(sigma*sigma/2))
}
