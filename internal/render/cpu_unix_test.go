//go:build unix

package render_test

import (
	"syscall"
	"time"
)

// cpu is the processor time that this process has had, the garbage collector's
// too: what a mail costs, whatever else runs on the machine.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
