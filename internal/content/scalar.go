package content

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// word reads one value as its source text; what names it in messages.
func (s *source) word(n *yaml.Node, what string) (string, bool) {
	switch {
	case s.braces(n):
		return "", false
	case n.Kind == yaml.AliasNode:
		return "", false // refused already
	case n.Kind != yaml.ScalarNode:
		s.errorf(n, "write one word, number or text", "%s is one value, not %s", what, kindOf(n))
		return "", false
	case isNull(n) || strings.TrimSpace(n.Value) == "":
		s.errorf(n, "write one, or take the key out", "%s has no value", what)
		return "", false
	}
	return n.Value, true
}

// name reads a name that something else is found by.
func (s *source) name(n *yaml.Node, what string) string {
	v, ok := s.word(n, what)
	if ok && !isName(v) {
		s.errorf(n, nameHint, "%s %q is not a name", what, shortened(v))
		return ""
	}
	return v
}

// choice reads one of a few words.
func (s *source) choice(n *yaml.Node, what string, known ...string) string {
	v, ok := s.word(n, what)
	if ok && !contains(known, v) {
		hint := "write " + either(known)
		if best := campaign.Nearest(v, known); best != "" {
			hint = "did you mean " + quote(best) + "?"
		}
		s.errorf(n, hint, "%s cannot be %q", what, shortened(v))
		return ""
	}
	return v
}

// either writes a, b or c.
func either(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func (s *source) boolean(n *yaml.Node, what string) (value, ok bool) {
	v := s.choice(n, what, "true", "false")
	return v == "true", v != ""
}

// anyDuration reads a duration, calendar months included.
func (s *source) anyDuration(n *yaml.Node, what string) (campaign.Duration, bool) {
	v, ok := s.word(n, what)
	if !ok {
		return campaign.Duration{}, false
	}
	d, err := campaign.ParseDuration(v)
	if err != nil {
		message, hint := splitHint(err)
		s.errorf(n, hint, "%s: %s", what, message)
		return d, false
	}
	return d, true
}

// back reads how far a condition looks: longer than nothing, months allowed.
func (s *source) back(n *yaml.Node, what string) campaign.Duration {
	d, ok := s.anyDuration(n, what)
	if ok && d.IsZero() {
		s.errorf(n, "write 7d", "%s is no time at all", what)
	}
	return d
}

// fixed reads a length of time that something waits or holds for: calendar
// months, whose length differs, only stand in conditions.
func (s *source) fixed(n *yaml.Node, what string) (campaign.Duration, bool) {
	d, ok := s.anyDuration(n, what)
	if ok && d.Months != 0 {
		s.errorf(n, "write days, as in "+strconv.Itoa(d.Months*30)+"d", "%s cannot be in calendar months", what)
		return campaign.Duration{}, false
	}
	return d, ok
}

// duration is a fixed length of time, or none.
func (s *source) duration(n *yaml.Node, what string) campaign.Duration {
	d, _ := s.fixed(n, what)
	return d
}

// length is a fixed length of time, longer than nothing.
func (s *source) length(n *yaml.Node, what string) campaign.Duration {
	d, ok := s.fixed(n, what)
	if ok && d.IsZero() {
		s.errorf(n, "write 3d", "%s is no time at all", what)
	}
	return d
}

// share reads 10%.
func (s *source) share(n *yaml.Node, what string) (campaign.Share, bool) {
	v, ok := s.word(n, what)
	if !ok {
		return 0, false
	}
	digits, found := strings.CutSuffix(v, "%")
	f, err := strconv.ParseFloat(digits, 64)
	if !found || err != nil || !plainNumber.MatchString(digits) || f < 0 || f > 100 {
		s.errorf(n, "write 10%", "%s: %q is not a share of 0%% to 100%%", what, shortened(v))
		return 0, false
	}
	return campaign.Share(f / 100), true
}

// plainNumber is what counts as a number: 0123, 1e5, 0x1F and 1_000 are texts,
// since a code or a postcode must stay what was written.
var plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)

// valueOf reads an operand, which may be an amount of money or a number of days
// where the operand's own kind allows it.
func (s *source) valueOf(n *yaml.Node, o operand) (campaign.Value, bool) {
	if n.Kind == yaml.ScalarNode && n.Style == 0 {
		if v, is, ok := s.money(n, n.Value, o); is {
			return v, ok
		}
		if v, is, ok := s.days(n, n.Value, o); is {
			return v, ok
		}
	}
	return s.value(n, o.what)
}

// value reads an operand. Quotes make a text of anything.
func (s *source) value(n *yaml.Node, what string) (campaign.Value, bool) {
	v, ok := s.word(n, what)
	if !ok {
		return campaign.Value{}, false
	}
	s.hidden(n, what, true)
	if n.Style != 0 {
		return campaign.TextValue(v), true
	}
	if v == "true" || v == "false" {
		return campaign.Value{Kind: campaign.Bool, Text: v, Bool: v == "true"}, true
	}
	if f, ok := number(v); ok {
		return campaign.Value{Kind: campaign.Number, Text: v, Number: f}, true
	}
	return campaign.TextValue(v), true
}

func number(v string) (float64, bool) {
	if !plainNumber.MatchString(v) {
		return 0, false
	}
	f, err := strconv.ParseFloat(v, 64)
	return f, err == nil
}

// moment reads a date or a date with time; zone applies where it names none.
func (s *source) moment(n *yaml.Node, what string, zone *time.Location) time.Time {
	v, ok := s.word(n, what)
	if !ok {
		return time.Time{}
	}
	t, ok := campaign.ParseMoment(v, zone)
	if !ok {
		s.errorf(n, "write 2026-12-01 or 2026-12-01 09:00", "%s: %q is not a moment", what, shortened(v))
	}
	return t
}

// clock reads a time of day.
func (s *source) clock(n *yaml.Node, what string) campaign.TimeOfDay {
	c, _ := parsed(s, n, what, campaign.ParseTimeOfDay)
	return c
}

// parsed reads one value by a parser of the domain's.
func parsed[T any](s *source, n *yaml.Node, what string, parse func(string) (T, error)) (T, bool) {
	var none T
	v, ok := s.word(n, what)
	if !ok {
		return none, false
	}
	t, err := parse(v)
	if err != nil {
		message, hint := splitHint(err)
		s.errorf(n, hint, "%s: %s", what, message)
		return none, false
	}
	return t, true
}

// counted reads a whole number from 1 to most; what says in messages what it counts.
func (s *source) counted(n *yaml.Node, key, what, hint string, most int) int {
	v, ok := s.word(n, key)
	if !ok {
		return 0
	}
	count, err := strconv.Atoi(v)
	if err != nil || count < 1 || count > most || !plainNumber.MatchString(v) {
		s.errorf(n, hint, "%s: %q is not %s", key, shortened(v), what)
		return 0
	}
	return count
}

// zoneName reads an IANA zone.
func (s *source) zoneName(n *yaml.Node, what, hint string) (string, *time.Location) {
	v, ok := s.word(n, what)
	if !ok {
		return "", nil
	}
	z, err := time.LoadLocation(v)
	if err != nil || v == "Local" {
		s.errorf(n, hint, "%s: %q is not a time zone", what, shortened(v))
		return "", nil
	}
	return v, z
}
