package campaign

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Describe says a condition in words, on one line; nil is "everybody".
func Describe(c Condition) string {
	switch c := c.(type) {
	case nil:
		return "everybody"
	case All:
		return describeAll(c, " and ", "everybody")
	case Any:
		return describeAll(c, " or ", "nobody")
	case Not:
		return "not " + Describe(c.Of)
	case InSegment:
		return "in segment " + c.Segment
	case Attribute:
		return c.Name + " " + DescribeTest(c.Test)
	case TriggerProperty:
		return "trigger " + describeProperty(c.Property)
	case CampaignState:
		out := "campaign " + c.Campaign + " is " + strings.ReplaceAll(string(c.Is), "_", " ")
		if !c.Within.IsZero() {
			out += " within " + c.Within.String()
		}
		return out
	case Sample:
		return fmt.Sprintf("in a sample of %s (%s)", percent(c.Share), c.Seed)
	case EventMatch:
		return describeEvent(c)
	}
	return fmt.Sprintf("%T", c)
}

func describeAll(cs []Condition, between, none string) string {
	if len(cs) == 0 {
		return none
	}
	if len(cs) == 1 {
		return Describe(cs[0])
	}
	parts := make([]string, len(cs))
	for i, c := range cs {
		parts[i] = Describe(c)
	}
	return "(" + strings.Join(parts, between) + ")"
}

func percent(s Share) string { return strconv.FormatFloat(float64(s)*100, 'f', -1, 64) + "%" }

func describeEvent(m EventMatch) string {
	out := m.Event
	switch {
	case m.Aggregate != nil:
		out += fmt.Sprintf(" %s of %s %s", m.Aggregate.Func, m.Aggregate.Property, DescribeTest(m.Aggregate.Test))
	case m.Distinct != nil:
		out += fmt.Sprintf(" different %s %s", m.Distinct.Property, DescribeTest(m.Distinct.Test))
	case m.First != nil:
		out += " the first" + describeRecency(*m.First)
	case m.Last != nil:
		out += " the last" + describeRecency(*m.Last)
	case m.Count != nil && (m.Count.Op != OpAtLeast || len(m.Count.Values) != 1 || m.Count.Values[0].Number != 1):
		out += " count " + DescribeTest(*m.Count)
	}
	out += describeWhere(m.Where) + describeWindow(m.Window)
	if f := m.Followed; f != nil {
		word := " followed by "
		if f.Not {
			word = " not followed by "
		}
		out += word + f.Event + describeWhere(f.Where)
		if !f.Within.IsZero() {
			out += " within " + f.Within.String()
		}
	}
	return out
}

func describeRecency(t RecencyTest) string {
	out := ""
	if !t.Within.IsZero() {
		out += " within " + t.Within.String()
	}
	if !t.Before.IsZero() {
		out += " before " + t.Before.String() + " ago"
	}
	return out
}

func describeWindow(w Window) string {
	switch {
	case !w.Within.IsZero():
		return " within " + w.Within.String()
	case !w.Before.IsZero():
		return " before " + w.Before.String() + " ago"
	case w.Since == SinceDate:
		return " since " + describeMoment(w.Date)
	case w.Since != SinceEver:
		return " since the " + string(w.Since)
	case !w.From.IsZero() || !w.Until.IsZero():
		return " between " + describeMoment(w.From) + " and " + describeMoment(w.Until)
	}
	return ""
}

func describeMoment(t time.Time) string {
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04")
}

func describeWhere(ps []Property) string {
	if len(ps) == 0 {
		return ""
	}
	parts := make([]string, len(ps))
	for i, p := range ps {
		parts[i] = describeProperty(p)
	}
	return " where " + strings.Join(parts, " and ")
}

func describeProperty(p Property) string {
	if len(p.Each) > 0 {
		return "some of " + p.Path + " has" + strings.TrimPrefix(describeWhere(p.Each), " where")
	}
	return p.Path + " " + DescribeTest(p.Test)
}

var testWords = map[Op]string{
	OpIs: "is", OpIsNot: "is not", OpIn: "in", OpNotIn: "not in", OpAtLeast: "≥", OpAtMost: "≤", OpAbove: ">", OpBelow: "<",
	OpContains: "contains", OpStartsWith: "starts with", OpMatches: "matches", OpHas: "has", OpHasAny: "has any of",
	OpBefore: "before", OpAfter: "after",
}

// DescribeTest says an operator with its operands: "≥ 3", "in gold, silver".
func DescribeTest(t Test) string {
	switch t.Op {
	case OpExists:
		if len(t.Values) > 0 && !t.Values[0].Bool {
			return "is missing"
		}
		return "exists"
	case OpBetween:
		if len(t.Values) == 2 {
			return "between " + t.Values[0].Text + " and " + t.Values[1].Text
		}
	case OpWithin:
		return "within the last " + t.Length.String()
	case OpWithinNext:
		return "in the next " + t.Length.String()
	case OpAnniversaryWithin:
		return "has its day within " + t.Length.String()
	case OpSameAs:
		return "is the same as trigger " + t.Trigger
	}
	word, ok := testWords[t.Op]
	if !ok {
		word = string(t.Op)
	}
	switch {
	case t.Now:
		return word + " now"
	case len(t.Values) == 0:
		return word + " " + t.Length.String() + " ago"
	}
	texts := make([]string, len(t.Values))
	for i, v := range t.Values {
		texts[i] = v.Text
	}
	return word + " " + strings.Join(texts, ", ")
}

// DescribeTrigger says a trigger in words, on one line.
func DescribeTrigger(t Trigger) string {
	out := t.Verb()
	switch t := t.(type) {
	case PastPurchase:
		if t.Nth > 0 {
			out += " number " + strconv.Itoa(t.Nth)
		}
		out += describeWhere(t.Where)
	case AbandonedCart:
		out += describeWhere(t.Where)
		if t.OutOfStock != "" && t.OutOfStock != DropGone {
			out += " out_of_stock " + string(t.OutOfStock)
		}
	case AbandonedCheckout:
		out += describeWhere(t.Where)
	case AbandonedBrowse:
		what := "product"
		if t.SameCategory {
			what = "category"
		}
		out += " views of one " + what + " " + DescribeTest(t.Views) + describeWhere(t.Where)
	case Inactivity:
		out += " of " + strings.Join(t.Of, ", ") + describeWhere(t.Where)
	case OnEvent:
		out += " " + t.Name + describeWhere(t.Where)
	case Replenishment:
		out += " gap " + string(t.Gap)
		if t.Gap == GapFixed {
			out += " " + t.Length.String()
		}
		out += ", else " + t.Fallback.String()
		if !t.Before.IsZero() {
			out += ", " + t.Before.String() + " before"
		}
		out += describeWhere(t.Of)
	case OnProduct:
		if t.Drop > 0 {
			out += " by " + percent(t.Drop)
		}
		if !t.Asked.IsZero() {
			out += ", asked within " + t.Asked.String()
		}
		if !t.Viewed.IsZero() {
			out += ", viewed within " + t.Viewed.String()
		}
		if t.PerUnit > 0 {
			out += ", " + strconv.Itoa(t.PerUnit) + " for each piece"
		}
		out += describeWhere(t.Where)
	case OnDate:
		out += " " + t.Attribute
		if t.Yearly {
			out += " each year"
		}
		if !t.Before.IsZero() {
			out += ", " + t.Before.String() + " before"
		}
		if !t.After.IsZero() {
			out += ", " + t.After.String() + " after"
		}
		return out + " at " + t.At.String()
	case SegmentChange:
		word := " entered "
		if t.Left {
			word = " left "
		}
		out += word + t.Segment
	case Schedule:
		out += describeSchedule(t)
	}
	if d := t.Delay(); !d.IsZero() {
		out += ", after " + d.String()
	}
	return out
}

func describeSchedule(t Schedule) string {
	switch {
	case t.At != nil:
		return " at " + t.At.String()
	case t.Cron != "":
		return " cron " + t.Cron
	}
	return " every " + string(t.Every) + " at " + t.Clock.String()
}

// DescribeStep says what a step does, on one line.
func DescribeStep(s Step) string {
	out := ""
	switch {
	case s.Send != nil:
		out = "send " + s.Send.Template
	case s.Wait != nil && s.Wait.For != nil:
		out = "wait for " + Describe(s.Wait.For) + ", at most " + s.Wait.AtMost.String()
	case s.Wait != nil && s.Wait.Until != nil:
		out = "wait until " + describeUntil(*s.Wait.Until)
	case s.Wait != nil:
		out = "wait " + s.Wait.Length.String()
	case s.Branch != nil:
		arms := make([]string, len(s.Branch))
		for i, a := range s.Branch {
			arms[i] = a.Name
		}
		out = "branch " + strings.Join(arms, ", ")
	default:
		out = "exit " + s.Exit
	}
	if s.When != nil {
		out += " when " + Describe(s.When)
	}
	return out
}

func describeUntil(u UntilTime) string {
	if u.AnyDay {
		return u.Clock.String()
	}
	return strings.ToLower(u.Day.String()[:3]) + " " + u.Clock.String()
}
