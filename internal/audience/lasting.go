package audience

import "tidings/internal/campaign"

// Lasting tells whether conditions of exit_on, once one of them holds, hold ever
// after: what Exits then finds late it would have found at any time since. Those
// that ask for one event do, whenever it was; a value or a relative time does not.
func Lasting(conds []campaign.Condition) bool {
	for _, c := range alternatives(conds) {
		m, once := plain(c)
		if !once || m.Followed != nil || !m.Window.Within.IsZero() || !m.Window.Before.IsZero() {
			return false
		}
	}
	return true
}
