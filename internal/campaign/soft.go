package campaign

import "slices"

// Soft is when an address is given up after refusals that each leave hope.
type Soft struct {
	Times int // on as many different days
	Span  int // days at least between the first of them and the last
}

// SoftRule is the rule for a reason, if refusals for it count at all. A mailbox
// that is full may be emptied after a holiday; a refusal without a known cause,
// three days in a row, will not pass.
func SoftRule(reason string) (s Soft, counts bool) {
	switch reason {
	case ReasonMailboxFull:
		return Soft{Times: 3, Span: 15}, true
	case ReasonRejected:
		return Soft{Times: 3}, true
	}
	return Soft{}, false
}

// GivesUp tells whether refusals on days, counted since the last mail that was
// accepted, are enough. The order of the days does not matter, nor how often one
// comes.
func (s Soft) GivesUp(days []int64) bool {
	days = slices.Clone(days)
	slices.Sort(days)
	days = slices.Compact(days)
	return len(days) > 0 && len(days) >= s.Times && days[len(days)-1]-days[0] >= int64(s.Span)
}
