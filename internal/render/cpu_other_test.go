//go:build !unix

package render_test

import "time"

func cpu() time.Duration { return 0 }
