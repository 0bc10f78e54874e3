package mjml

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

func (n *node) get(name string) string { return n.values[name] }

// pairs are the values of attributes, as css takes them.
func (n *node) pairs(names ...string) []string {
	var all []string
	for _, name := range names {
		all = append(all, name, n.values[name])
	}
	return all
}

// padding is a padding in the order in which most elements write it; others have
// their own.
func (n *node) padding(prefix string) []string {
	return n.sidesOf(prefix, "-top", "-right", "-bottom", "-left")
}

func (n *node) sidesOf(prefix string, order ...string) []string {
	all := []string{"padding", n.values[prefix]}
	for _, side := range order {
		all = append(all, "padding"+side, n.values[prefix+side])
	}
	return all
}

// sides of a shorthand of one to four values: top, right, bottom, left.
var sides = map[string][4]int{"top": {0, 0, 0, 0}, "right": {0, 1, 1, 1}, "bottom": {0, 0, 2, 2}, "left": {0, 1, 1, 3}}

// side is the padding at a side in px. Percents count as px, as in the reference.
func (n *node) side(prefix, side string) int {
	if own := n.values[prefix+"-"+side]; own != "" {
		return whole10(own)
	}
	values := strings.Fields(n.values[prefix])
	if len(values) == 0 || len(values) > 4 {
		return 0
	}
	return whole10(values[sides[side][len(values)-1]])
}

var borderWidth = regexp.MustCompile(`(?:^| )(\d+)`)

// border is the width of a border at a side in px.
func (n *node) border(prefix, side string) int {
	value := n.values[prefix+"-"+side]
	if value == "" {
		value = n.values[prefix]
	}
	if found := borderWidth.FindStringSubmatch(value); found != nil {
		return whole10(found[1])
	}
	return 0
}

// sidewise is what paddings and borders at both sides take of a width.
func (n *node) sidewise() float64 {
	return float64(n.side("padding", "left") + n.side("padding", "right") + n.border("border", "left") + n.border("border", "right"))
}

// whole10 is the whole number that a value begins with, 0 if there is none.
func whole10(s string) int {
	end := 0
	for end < len(s) && end < 9 && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	v, _ := strconv.Atoi(s[:end])
	return v
}

// measure splits a value as 33.3% into number and unit.
func measure(s string) (value float64, unit string) {
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '.') {
		end++
	}
	value, _ = strconv.ParseFloat(s[:end], 64)
	return min(value, 1e6), s[end:]
}

// num writes a number as JavaScript does, whose numbers the reference's output has.
func num(v float64) string {
	if math.Abs(v) < 1e-9 {
		v = 0
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func px(v float64) string { return num(v) + "px" }

// round is JavaScript's Math.round: halves go up.
func round(v float64) float64 { return math.Floor(v + 0.5) }

// outlookClass is the class of the part of an element that only Outlook reads.
func (n *node) outlookClass() string { return n.classesWith("-outlook") }

// classesWith are an element's classes, each with an ending.
func (n *node) classesWith(ending string) string {
	all := strings.Fields(n.values["css-class"])
	for i := range all {
		all[i] += ending
	}
	return strings.Join(all, " ")
}

// classes joins class names, leaving out empty ones.
func classes(names ...string) string {
	var all []string
	for _, name := range names {
		if name != "" {
			all = append(all, name)
		}
	}
	return strings.Join(all, " ")
}
