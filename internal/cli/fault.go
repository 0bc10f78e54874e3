package cli

import (
	"tidings/internal/config"
	"tidings/internal/fault"
)

// armFaults makes what TIDINGS_FAULT says strike in this process. On a platform,
// where a copied variable could do it to real customers, it is refused.
func armFaults(cfg config.Config, text string) error {
	p, err := fault.Parse(text)
	if err != nil {
		return usage("%v", err)
	}
	if p == nil {
		return nil
	}
	if cfg.Platform != "" {
		return usage("TIDINGS_FAULT is set, which kills and freezes processes on purpose; on %s it is refused. Unset it", cfg.Platform)
	}
	fault.Arm(p)
	return nil
}
