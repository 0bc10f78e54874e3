package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// HTTPFigures are of requests over kept connections.
type HTTPFigures struct {
	Requests  int     `json:"requests"`
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	// Processor time for one: of this process, the client's part among it, and of the
	// database's processes, where they are of this machine.
	CPU      float64 `json:"cpu_us"`
	Database float64 `json:"database_cpu_us"`
}

// loaded is what was measured of a handler, in one go or in several.
type loaded struct {
	took                   []time.Duration // each request
	seconds, cpu, database float64
}

func (l *loaded) add(m loaded) {
	l.took = append(l.took, m.took...)
	l.seconds, l.cpu, l.database = l.seconds+m.seconds, l.cpu+m.cpu, l.database+m.database
}

func (l *loaded) figures() HTTPFigures {
	slices.Sort(l.took)
	ms := func(share float64) float64 {
		return float64(l.took[int(share*float64(len(l.took)-1))].Microseconds()) / 1000
	}
	n := float64(len(l.took))
	return HTTPFigures{Requests: len(l.took), PerSecond: n / l.seconds, P50: ms(0.5), P99: ms(0.99), CPU: l.cpu * 1e6 / n, Database: l.database * 1e6 / n}
}

// load asks a server on this machine for one thing after the other over so many
// connections, for a time. request is the next request as it goes over the line; every
// answer must have the status.
func load(ctx context.Context, handler http.Handler, connections int, length time.Duration, status int, request func() []byte) (loaded, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return loaded{}, fmt.Errorf("listen: %w", err)
	}
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var all sync.WaitGroup
	took, errs := make([][]time.Duration, connections), make([]error, connections)
	begun, used := time.Now(), processorTime()
	for i := range connections {
		all.Go(func() { took[i], errs[i] = client(ctx, ln.Addr().String(), status, request) })
	}
	all.Wait()
	out := loaded{seconds: time.Since(begun).Seconds(), cpu: (processorTime() - used).Seconds(), took: slices.Concat(took...)}
	err = errors.Join(append(errs, srv.Close())...)
	if serr := <-served; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return out, errors.Join(err, ctxErr(len(out.took)))
}

func ctxErr(n int) error {
	if n == 0 {
		return errors.New("nothing was answered in the time given; take a longer --time")
	}
	return nil
}

// client asks until the context ends; the last request is answered whole.
func client(ctx context.Context, address string, status int, request func() []byte) (took []time.Duration, err error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for ctx.Err() == nil {
		begun := time.Now()
		if _, err := conn.Write(request()); err != nil {
			return took, fmt.Errorf("ask: %w", err)
		}
		got, err := readAnswer(in)
		if err != nil {
			return took, fmt.Errorf("read an answer: %w", err)
		}
		if got != status {
			return took, fmt.Errorf("the answer is %d, want %d", got, status)
		}
		took = append(took, time.Since(begun))
	}
	return took, nil
}

// readAnswer reads an answer with a length, and tells its status. net/http's own
// client would cost more than the server that is measured.
func readAnswer(in *bufio.Reader) (status int, err error) {
	length := 0
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case first:
			if len(line) < 12 {
				return 0, fmt.Errorf("%q is no status line", line)
			}
			if status, err = strconv.Atoi(string(line[9:12])); err != nil {
				return 0, fmt.Errorf("%q is no status line", line)
			}
		case len(line) == 0:
			_, err := io.CopyN(io.Discard, in, int64(length))
			return status, err
		default:
			if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
				if length, err = strconv.Atoi(string(v)); err != nil {
					return 0, fmt.Errorf("%q is no length", v)
				}
			}
		}
	}
}
