package queue_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"tidings/internal/campaign"
	"tidings/internal/queue"
)

// A handler is told to stop, finishes, and its task is done: nobody else is
// given it meanwhile or afterwards.
func TestStopWaitsForHandlers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e engine) {
		q := e.open(t)
		begun, told, finish := make(chan int64), make(chan struct{}), make(chan struct{})
		s := mustServe(t, q, queue.Handlers{Transactional: func(ctx context.Context, n int64) error {
			begun <- n
			<-ctx.Done()
			close(told)
			<-finish
			return nil
		}})
		mustEnqueue(t, q, campaign.LaneTransactional, 1, 2)
		if receive(t, begun) != 1 {
			t.Fatal("wrong slice")
		}
		stopped := make(chan error, 2)
		for range 2 {
			go func() { stopped <- s.Stop(within(t)) }()
		}
		<-told
		if d := mustDepth(t, q); d[campaign.LaneTransactional] != 2 {
			t.Error("depth while stopping", d)
		}
		select {
		case err := <-stopped:
			t.Fatal("stopped before the handler:", err)
		default:
		}
		close(finish)
		for range 2 {
			if err := receive(t, stopped); err != nil {
				t.Error(err)
			}
		}
		if d := mustDepth(t, q); d[campaign.LaneTransactional] != 1 {
			t.Error("depth after stop", d)
		}
	})
}

func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e engine) {
		q := e.open(t, queue.WithGrace(50*time.Millisecond))
		begun, finish := make(chan int64), make(chan struct{})
		s := mustServe(t, q, queue.Handlers{Bulk: func(_ context.Context, n int64) error {
			begun <- n
			<-finish
			return nil
		}})
		mustEnqueue(t, q, campaign.LaneBulk, 1)
		receive(t, begun)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		if err := s.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error("stop with a stubborn handler:", err)
		}
		close(finish)
		if err := s.Stop(within(t)); err != nil {
			t.Error(err)
		}
	})
}

func TestParentContextEndsHandlers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e engine) {
		q := e.open(t)
		ctx, cancel := context.WithCancel(context.Background())
		begun, ended := make(chan int64), make(chan error)
		s, err := q.Serve(ctx, queue.Handlers{Bulk: func(ctx context.Context, n int64) error {
			begun <- n
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		}})
		if err != nil {
			t.Fatal(err)
		}
		mustEnqueue(t, q, campaign.LaneBulk, 1)
		receive(t, begun)
		cancel()
		if err := receive(t, ended); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := s.Stop(within(t)); err != nil {
			t.Error(err)
		}
	})
}

// valve is a TCP proxy that can be shut: connections stay, nothing flows.
type valve struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	conns    []net.Conn
	shut     bool
}

func newValve(t *testing.T, to string) *valve {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &valve{listener: l, to: to}
	go v.accept()
	t.Cleanup(func() {
		_ = l.Close()
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, c := range v.conns {
			_ = c.Close()
		}
	})
	return v
}

func (v *valve) accept() {
	for {
		in, err := v.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", v.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		v.mu.Lock()
		v.conns = append(v.conns, in, out)
		v.mu.Unlock()
		go v.pipe(out, in)
		go v.pipe(in, out)
	}
}

func (v *valve) pipe(to io.Writer, from io.Reader) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		v.mu.Lock()
		shut := v.shut
		v.mu.Unlock()
		if !shut {
			_, _ = to.Write(buf[:n])
		}
	}
}

func (v *valve) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shut = true
}

// open lets new connections flow; the old ones are lost.
func (v *valve) open() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shut = false
	for _, c := range v.conns {
		_ = c.Close()
	}
	v.conns = nil
}

func TestStopWhenRedisHangs(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	v := newValve(t, m.Addr())
	q, err := queue.Open(within(t), "redis://"+v.listener.Addr().String(), "hang", quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
	begun := make(chan int64)
	s, err := q.Serve(context.Background(), queue.Handlers{Bulk: func(ctx context.Context, n int64) error {
		begun <- n
		<-ctx.Done()
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	mustEnqueue(t, q, campaign.LaneBulk, 1)
	receive(t, begun)
	v.close()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := s.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error("stop:", err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("stop took %s", took)
	}
	if err := q.Close(); err == nil {
		t.Error("closed under a running server")
	}
	v.open()
	if err := s.Stop(within(t)); err != nil {
		t.Error(err)
	}
}
