package worker

import (
	"context"
	"runtime"
)

// WaitFor waits until n requests collect for the next commit of w.
func WaitFor(ctx context.Context, w *Worker, n int) error {
	for {
		w.committer.mu.Lock()
		waiting := len(w.committer.waiting)
		w.committer.mu.Unlock()
		if waiting >= n {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		runtime.Gosched()
	}
}

// SpendSlice lets the time of every slice of w be over.
func SpendSlice(w *Worker) { w.sliceTime = 0 }
