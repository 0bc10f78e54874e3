package bench

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tidings/internal/campaign"
)

//go:embed rendering
var rendering embed.FS

// Rendering is the workspace of Render: a letter to everybody and a basket.
func Rendering() (fs.FS, error) { return fs.Sub(rendering, "rendering") }

// RenderOptions say what is rendered, by what.
type RenderOptions struct {
	// Render makes the mail of a message, as a worker does.
	Render func(campaign.Outgoing) (campaign.Email, error)
	Time   time.Duration // for each measurement
	Tell   func(string)
}

// RenderFigures are what was measured: of the broadcast letter, and of each kind.
type RenderFigures struct {
	RenderFigure
	Baseline RenderFigure `json:"baseline"`
	Kinds    []KindFigure `json:"kinds"`
	Cores    int          `json:"cores"` // that Go uses
}

// KindFigure is a kind of template.
type KindFigure struct {
	Kind string `json:"kind"` // broadcast, products
	RenderFigure
	// Baseline is html/template on the same content: the HTML alone, without its text
	// part, its links' tokens, its headers and its encoding.
	Baseline RenderFigure `json:"baseline"`
	Ratio    float64      `json:"ratio"` // of the two times
	Parallel Parallel     `json:"parallel"`
}

// RenderFigure is what a mail costs on one goroutine.
type RenderFigure struct {
	Nanos float64 `json:"per_mail_ns"` // the median of batches, of elapsed time
	// CPU is processor time with the garbage collector's, whatever else the machine
	// does; 0 where the system does not tell.
	CPU       float64 `json:"cpu_ns_per_mail"`
	Allocs    float64 `json:"allocs_per_mail"`
	AllocSize float64 `json:"alloc_bytes_per_mail"`
	Bytes     int     `json:"bytes"` // of the whole message; of the baseline's HTML
}

// Parallel is the same on as many goroutines as there are cores: a lock that they
// share shows as processor time or as time spent waiting.
type Parallel struct {
	Goroutines int     `json:"goroutines"`
	CPU        float64 `json:"cpu_ns_per_mail"`
	// Slowdown is CPU here by CPU on one goroutine: 1 when they share nothing.
	Slowdown float64 `json:"slowdown"`
	// Waited is how long goroutines waited for locks, per mail; those of Go's own
	// scheduler and collector are in it.
	Waited float64 `json:"lock_wait_ns_per_mail"`
	// Speedup is in elapsed time; as many as goroutines on a machine that does nothing
	// else.
	Speedup float64 `json:"speedup"`
}

// renderKind is something to render n times.
type renderKind struct {
	name     string
	mail     func(i int) (size int, err error)
	baseline func(i int) (size int, err error)
}

// Render measures what making a mail costs.
func Render(ctx context.Context, o RenderOptions) (*RenderFigures, error) {
	kinds, err := o.kinds()
	if err != nil {
		return nil, err
	}
	f := &RenderFigures{Cores: runtime.GOMAXPROCS(0)}
	for _, k := range kinds {
		o.Tell("rendering: " + k.name)
		one := KindFigure{Kind: k.name}
		if one.RenderFigure, one.Baseline, err = alternating(ctx, k, o.Time); err != nil {
			return nil, err
		}
		one.Ratio = one.Nanos / one.Baseline.Nanos
		if one.Parallel, err = together(ctx, k.mail, o.Time, one.RenderFigure); err != nil {
			return nil, err
		}
		f.Kinds = append(f.Kinds, one)
	}
	f.RenderFigure, f.Baseline = f.Kinds[0].RenderFigure, f.Kinds[0].Baseline
	return f, nil
}

// batchSize is how many mails one reading of the clock is for: few enough that other
// work on the machine leaves some batches alone.
const batchSize = 25

// alternating measures two ways in turns, so that both meet the same machine.
func alternating(ctx context.Context, k renderKind, length time.Duration) (mail, baseline RenderFigure, err error) {
	var took [2][]time.Duration
	var sums [2]cost
	for end := time.Now().Add(2 * length); time.Now().Before(end) || len(took[0]) < 4; {
		for i, do := range []func(int) (int, error){k.mail, k.baseline} {
			m, err := batchOf(do, len(took[i])*batchSize)
			if err != nil {
				return mail, baseline, err
			}
			if ctx.Err() != nil {
				return mail, baseline, ctx.Err()
			}
			took[i] = append(took[i], m.elapsed)
			sums[i].add(m)
		}
	}
	return sums[0].figure(took[0]), sums[1].figure(took[1]), nil
}

// cost is what a number of mails took.
type cost struct {
	n            int
	elapsed, cpu time.Duration
	allocs, size uint64
	bytes        int // of the last mail
}

func (m *cost) add(o cost) {
	m.n, m.elapsed, m.cpu, m.bytes = m.n+o.n, m.elapsed+o.elapsed, m.cpu+o.cpu, o.bytes
	m.allocs, m.size = m.allocs+o.allocs, m.size+o.size
}

func (m *cost) figure(batches []time.Duration) RenderFigure {
	slices.Sort(batches)
	n := float64(m.n)
	return RenderFigure{
		Nanos: float64(batches[len(batches)/2]) / batchSize, CPU: float64(m.cpu) / n,
		Allocs: float64(m.allocs) / n, AllocSize: float64(m.size) / n, Bytes: m.bytes,
	}
}

func batchOf(do func(int) (int, error), from int) (m cost, err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, begun := processorTime(), time.Now()
	for i := range batchSize {
		if m.bytes, err = do(from + i); err != nil {
			return m, err
		}
	}
	m.n, m.elapsed, m.cpu = batchSize, time.Since(begun), processorTime()-cpu
	runtime.ReadMemStats(&after)
	m.allocs, m.size = after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
	return m, nil
}

// together renders on all cores at once, and once more on one for comparison.
func together(ctx context.Context, do func(int) (int, error), length time.Duration, one RenderFigure) (Parallel, error) {
	p := Parallel{Goroutines: runtime.GOMAXPROCS(0)}
	alone, err := spread(ctx, do, length, 1)
	if err != nil {
		return p, err
	}
	all, err := spread(ctx, do, length, p.Goroutines)
	if err != nil {
		return p, err
	}
	p.CPU = float64(all.cpu) / float64(all.n)
	p.Waited = float64(all.waited) / float64(all.n)
	if alone.cpu > 0 {
		p.Slowdown = p.CPU / (float64(alone.cpu) / float64(alone.n))
	}
	p.Speedup = (float64(alone.elapsed) / float64(alone.n)) / (float64(all.elapsed) / float64(all.n))
	return p, nil
}

// spreadTime is what so many goroutines needed for n mails.
type spreadTime struct {
	n                    int64
	elapsed, cpu, waited time.Duration
}

func spread(ctx context.Context, do func(int) (int, error), length time.Duration, goroutines int) (spreadTime, error) {
	var n atomic.Int64
	var failed atomic.Pointer[error]
	waited, cpu, begun := lockWait(), processorTime(), time.Now()
	end := begun.Add(length)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil && failed.Load() == nil && time.Now().Before(end); i += batchSize {
				for j := range batchSize {
					if _, err := do(g + i + j); err != nil {
						failed.Store(&err)
						return
					}
				}
				n.Add(batchSize)
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return spreadTime{}, *err
	}
	if n.Load() == 0 {
		return spreadTime{}, errors.Join(errors.New("nothing was rendered"), ctx.Err())
	}
	return spreadTime{n.Load(), time.Since(begun), processorTime() - cpu, lockWait() - waited}, nil
}

// lockWait is how long goroutines of this process have waited for locks so far.
func lockWait() time.Duration {
	s := []metrics.Sample{{Name: "/sync/mutex/wait/total:seconds"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindFloat64 {
		return 0
	}
	return time.Duration(s[0].Value.Float64() * float64(time.Second))
}

// parseBaseline is a template of the baseline.
func parseBaseline(name string) (*template.Template, error) {
	source, err := rendering.ReadFile("rendering/baseline/" + name + ".html")
	if err != nil {
		return nil, err
	}
	t, err := template.New(name).Funcs(template.FuncMap{
		"money": func(price float64, quantity int) string { return fmt.Sprintf("€%.2f", price*float64(quantity)) },
	}).Parse(string(source))
	if err != nil {
		return nil, fmt.Errorf("parse the baseline: %w", err)
	}
	return t, nil
}

// baselineOf executes a template of the baseline.
func baselineOf(t *template.Template, data func(i int) any) func(int) (int, error) {
	var pool = sync.Pool{New: func() any { return new(bytes.Buffer) }}
	return func(i int) (int, error) {
		b := pool.Get().(*bytes.Buffer)
		defer pool.Put(b)
		b.Reset()
		if err := t.Execute(b, data(i)); err != nil {
			return 0, err
		}
		return b.Len(), nil
	}
}
