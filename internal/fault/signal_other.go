//go:build !unix

package fault

import (
	"os"
	"time"
)

// die ends the process at once; there are no signals here.
func die() { os.Exit(137) }

// terminate and freeze have nothing to do it by on this system.
func terminate() {}

func freeze(d time.Duration) { time.Sleep(d) }
