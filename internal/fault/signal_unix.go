//go:build unix

package fault

import (
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// die ends the process as kill -9 does: nothing is flushed, nothing is said.
func die() {
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
	select {} // until the signal is there
}

func terminate() { _ = syscall.Kill(syscall.Getpid(), syscall.SIGTERM) }

// freeze stops the process. A frozen process cannot wake itself, so a shell of
// its own does it after d; without d somebody else has to.
func freeze(d time.Duration) {
	if d > 0 {
		wake := exec.Command("/bin/sh", "-c", fmt.Sprintf("sleep %.3f; kill -CONT %d", d.Seconds(), syscall.Getpid()))
		if wake.Start() != nil {
			return // better awake than frozen for good
		}
		defer func() { _ = wake.Wait() }()
	}
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP)
}
