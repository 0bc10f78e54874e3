package mjml

import (
	"math"
	"strconv"
	"strings"
)

// gutter is the space between the columns of a section: half of it right of a
// column, half left of the next.
type gutter struct {
	given   bool
	percent float64 // of the row
	pixels  float64
	parts   int  // of the row; mj-raw counts, as in the reference
	mirror  bool // right to left
}

func newGutter(width, direction string, of float64, parts int) gutter {
	if width == "" {
		return gutter{}
	}
	g := gutter{given: true, parts: max(parts, 1), mirror: direction == "rtl"}
	value, unit := measure(width)
	if unit == "%" {
		g.percent, g.pixels = value, of*value/100
		return g
	}
	g.pixels = math.Floor(value)
	if of != 0 {
		g.percent = g.pixels / of * 100
	}
	return g
}

// edges tells whether there is a gutter left and right of a column.
func (g gutter) edges(index int) (left, right bool) { return index > 0, index < g.parts-1 }

func (g gutter) percents(index int) (left, right string) {
	left, right = "0%", "0%"
	half := num(six(g.percent/2)) + "%"
	if before, after := g.edges(index); before && after {
		left, right = half, half
	} else if before {
		left = half
	} else if after {
		right = half
	}
	return left, right
}

// besideInPixels is the padding of a column in whole pixels: of an odd one the
// larger half is on the right.
func (g gutter) besideInPixels(index int) string {
	if !g.given {
		return ""
	}
	left, right := 0.0, 0.0
	before, after := g.edges(index)
	if whole := round(g.pixels); before {
		left = math.Floor(whole / 2)
	}
	if whole := round(g.pixels); after {
		right = math.Ceil(whole / 2)
	}
	if g.mirror {
		left, right = right, left
	}
	return "0px " + px(right) + " 0px " + px(left)
}

// beside is the padding of a column beside others, in its width's unit.
func (g gutter) beside(index int, unit string) string {
	if !g.given {
		return ""
	}
	if unit != "%" {
		return g.besideInPixels(index)
	}
	left, right := g.percents(index)
	if g.mirror {
		left, right = right, left
	}
	return "0% " + right + " 0% " + left
}

// stacked is the padding of a column below others, on a phone.
func (g gutter) stacked(index int) string {
	if !g.given {
		return ""
	}
	left, right := g.percents(index)
	return left + " 0% " + right + " 0%"
}

// class names the padding of a column beside others, with its rule.
func (g gutter) class(index int, unit string) (name, rule string) {
	if !g.given {
		return "", ""
	}
	name = "mj-column-gutter-" + strconv.Itoa(g.parts) + "-" + strconv.Itoa(index+1)
	if unit == "%" {
		name += "-per-" + strings.ReplaceAll(num(six(g.percent)), ".", "-")
	} else {
		name += "-px-" + num(round(g.pixels))
	}
	if g.mirror {
		name += "-rtl"
	}
	return name, "{ padding: " + g.beside(index, unit) + " !important; }"
}

// less is what a column whose width is in pixels loses to the gutters: of all
// they take an equal part in whole pixels, the last ones what is over.
func (g gutter) less(index int) float64 {
	total := int(round(g.pixels * float64(g.parts-1)))
	part, over := total/g.parts, total%g.parts
	if index >= g.parts-over {
		part++
	}
	return float64(part)
}

// six rounds to six digits after the point, as widths beside a gutter are.
func six(v float64) float64 { return round(v*1e6) / 1e6 }
