package campaign

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Differences says in words what of a campaign's file became something else, from
// before to after: keys first, then steps, by their ids.
func Differences(before, after *Campaign) []string {
	var out []string
	b, a := keysInWords(before), keysInWords(after)
	for i, key := range b {
		if key.text != a[i].text {
			out = append(out, key.name+" "+orNone(key.text)+" → "+orNone(a[i].text))
		}
	}
	for _, n := range before.Program.Nodes {
		i, ok := after.Program.Index(n.ID)
		if !ok {
			out = append(out, "step "+n.ID+" removed")
			continue
		}
		was, is := DescribeStep(n.Step), DescribeStep(after.Program.Nodes[i].Step)
		if was != is {
			out = append(out, "step "+n.ID+": "+was+" → "+is)
		} else if sendInWords(n.Send) != sendInWords(after.Program.Nodes[i].Send) {
			out = append(out, "step "+n.ID+": other subject or options")
		}
	}
	for _, id := range AddedSteps(before, after) {
		out = append(out, "step "+id+" added")
	}
	return out
}

// AddedSteps are the ids that after has and before has not, in order.
func AddedSteps(before, after *Campaign) []string {
	var out []string
	for _, n := range after.Program.Nodes {
		if _, ok := before.Program.Index(n.ID); !ok {
			out = append(out, n.ID)
		}
	}
	return out
}

type keyInWords struct{ name, text string }

func keysInWords(c *Campaign) []keyInWords {
	exits := make([]string, len(c.ExitOn))
	for i, cond := range c.ExitOn {
		exits[i] = Describe(cond)
	}
	return []keyInWords{
		{"name", c.Label}, {"status", string(c.Status)}, {"topic", c.Topic}, {"transactional", strconv.FormatBool(c.Transactional)},
		{"trigger", DescribeTrigger(c.Trigger)}, {"audience", Describe(c.Audience)}, {"enter_when", Describe(c.EnterWhen)},
		{"exit_on", strings.Join(exits, " or ")}, {"re_entry", describeReEntry(c.ReEntry)}, {"overlap", string(c.Overlap)},
		{"goal", describeGoal(c.Goal)}, {"holdout", percent(c.Holdout)}, {"zone", c.Zone}, {"max_lateness", Of(c.MaxLateness).String()},
		{"expires", c.Expires.String()}, {"active_from", optionalMoment(c.ActiveFrom)}, {"active_until", optionalMoment(c.ActiveUntil)},
		{"expect", optionalNumber(c.Expect)}, {"on_uncertain", map[bool]string{true: "hold", false: "resend"}[c.HoldUncertain]},
		{"from", c.From}, {"reply_to", c.ReplyTo},
		{"priority", strconv.Itoa(c.Priority)}, {"when_capped", string(c.WhenCapped)}, {"send_window", windowInWords(c.SendWindow)},
		{"fresh", c.Fresh.String()}, {"rate", c.Rate.String()}, {"utm", c.UTM.String()},
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func describeReEntry(r ReEntry) string {
	switch {
	case r.Never:
		return "never"
	case r.Always:
		return "always"
	}
	return r.Every.String()
}

func describeGoal(g *Goal) string {
	if g == nil {
		return ""
	}
	return g.Event + describeWhere(g.Where) + " within " + g.Within.String() + " value " + orNone(g.Value)
}

func optionalMoment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return describeMoment(t)
}

func windowInWords(h *Hours) string {
	if h == nil {
		return ""
	}
	return h.String()
}

func optionalNumber(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// sendInWords tells two sends of one template apart.
func sendInWords(s *Send) string {
	if s == nil {
		return ""
	}
	texts := func(l Localized) string {
		keys := make([]string, 0, len(l))
		for k := range l {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		out := ""
		for _, k := range keys {
			out += fmt.Sprintf("%q=%q ", k, l[k])
		}
		return out
	}
	at := ""
	if s.SendAt != nil {
		at = s.SendAt.String()
	}
	return fmt.Sprintf("%s|%s|%s|%s|%s|%s|%s|%s|%s|%v", texts(s.Subject), texts(s.Preheader), s.From, s.ReplyTo, s.Topic, s.Expires,
		at, windowInWords(s.SendWindow), s.WhenCapped, s.With)
}

// InFlight is what a changed file does to the passes that are under way.
type InFlight struct {
	Total int `json:"total"`
	Take  int `json:"take_new"` // come to a step that is new
	Past  int `json:"past"`     // stand behind all new steps
	Moved int `json:"moved"`    // their step is gone: they go on to the next
	End   int `json:"end"`      // nothing is left for them
}

// Fly says what becomes of passes that stand at steps, by step, when before's file
// becomes after's; nil is a file that is gone.
func Fly(before, after *Campaign, at map[string]int) InFlight {
	var f InFlight
	last := -1
	if after != nil {
		for _, id := range AddedSteps(before, after) {
			i, _ := after.Program.Index(id)
			last = max(last, i)
		}
	}
	for step, n := range at {
		f.Total += n
		if after == nil {
			f.End += n
			continue
		}
		i, moved := after.Program.Resume(step, before.Program.Follows())
		switch {
		case step == "":
			i, moved = -1, false
		case moved && i == End:
			f.End += n
			continue
		case moved:
			f.Moved += n
		}
		switch {
		case last < 0:
		case i < last || moved && i == last:
			f.Take += n
		default:
			f.Past += n
		}
	}
	return f
}
