package mjml

import (
	"regexp"
	"slices"
	"strings"
)

// kind is what values an attribute takes.
type kind struct {
	name  string   // string, color, bool, int, unit or word
	words []string // of word
	units []string // of unit; "num" for a bare number
	most  int      // how many of unit
}

func newKind(s string) kind {
	switch s {
	case "string", "color", "bool", "int":
		return kind{name: s}
	}
	most := 1
	if before, ok := strings.CutSuffix(s, "{4}"); ok {
		s, most = before, 4
	}
	if units := strings.Split(s, ","); units[0] == "px" {
		return kind{name: "unit", units: units, most: most}
	}
	return kind{name: "word", words: strings.Split(s, "|")}
}

// wants says what values are taken, to complete "it takes".
func (k kind) wants() string {
	switch k.name {
	case "color":
		return "#rgb, #rrggbb, rgb(1,2,3), rgba(1,2,3,0.5) or a CSS color's name in small letters"
	case "bool":
		return "true or false"
	case "int":
		return "a whole number"
	case "word":
		return orList(k.words)
	}
	if slices.Equal(k.units, []string{"px", "auto"}) {
		return "a number with px, or auto"
	}
	units := slices.DeleteFunc(slices.Clone(k.units), func(u string) bool { return u == "num" || u == "auto" })
	text := "a number with " + orList(units)
	if slices.Contains(k.units, "num") {
		text += ", or a number alone"
	}
	if slices.Contains(k.units, "auto") {
		text += ", or auto"
	}
	if k.most > 1 {
		text = "one to four times " + text
	}
	return text
}

func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

var (
	hexColor  = regexp.MustCompile(`^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$`)
	rgbColor  = regexp.MustCompile(`^rgb\(\s*\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d{1,3}\s*\)$`)
	rgbaColor = regexp.MustCompile(`^rgba\(\s*\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d(\.\d+)?\s*\)$`)
	number    = regexp.MustCompile(`^(\d+|\d*\.\d+)$`)
	signed    = regexp.MustCompile(`^-?(\d+|\d*\.\d+)$`)
	whole     = regexp.MustCompile(`^\d+$`)
)

// takes tells whether value is one of the kind, Liquid aside.
func (k kind) takes(value string) bool {
	switch k.name {
	case "color":
		return hexColor.MatchString(value) || rgbColor.MatchString(value) || rgbaColor.MatchString(value) || colorNames[value]
	case "bool":
		return value == "true" || value == "false"
	case "int":
		return whole.MatchString(value)
	case "word":
		return slices.Contains(k.words, value)
	case "unit":
		values := strings.Split(value, " ")
		return len(values) <= k.most && !slices.ContainsFunc(values, func(v string) bool { return !k.isUnit(v) })
	}
	return true
}

func (k kind) isUnit(v string) bool {
	if v == "0" {
		return true
	}
	for _, unit := range k.units {
		if unit == "auto" {
			if v == unit {
				return true
			}
			continue
		}
		count, ok := strings.CutSuffix(v, strings.TrimSuffix(unit, "num"))
		if !ok {
			continue
		}
		if number.MatchString(count) || slices.Contains(k.units, "em") && signed.MatchString(count) {
			return true
		}
	}
	return false
}

// full writes a short color as the reference does: #abc as #aabbcc.
func (k kind) full(value string) string {
	if k.name != "color" || len(value) != 4 || value[0] != '#' {
		return value
	}
	return string([]byte{'#', value[1], value[1], value[2], value[2], value[3], value[3]})
}

// computed names attributes of words that MJML computes with; with the units
// all but those below are.
var computed = map[string]bool{"mode": true, "thumbnails": true, "full-width": true, "hamburger": true, "icon-position": true, "position": true, "type": true, "css-inline": true, "inline": true}

// liquid tells whether an attribute may hold Liquid: where MJML only passes the
// value on.
func (k kind) liquid(element, name string) bool {
	switch k.name {
	case "string", "color":
		return true
	case "unit":
		return slices.Contains([]string{"font-size", "line-height", "letter-spacing", "ico-font-size", "ico-line-height"}, name)
	case "word":
		return !computed[name] && !(element == "mj-divider" && name == "align")
	}
	return false
}

// colorNames are CSS Color Module Level 4's, with transparent and inherit.
var colorNames = words(`aliceblue antiquewhite aqua aquamarine azure beige bisque
	black blanchedalmond blue blueviolet brown burlywood cadetblue chartreuse
	chocolate coral cornflowerblue cornsilk crimson cyan darkblue darkcyan
	darkgoldenrod darkgray darkgreen darkgrey darkkhaki darkmagenta darkolivegreen
	darkorange darkorchid darkred darksalmon darkseagreen darkslateblue
	darkslategray darkslategrey darkturquoise darkviolet deeppink deepskyblue
	dimgray dimgrey dodgerblue firebrick floralwhite forestgreen fuchsia gainsboro
	ghostwhite gold goldenrod gray green greenyellow grey honeydew hotpink
	indianred indigo ivory khaki lavender lavenderblush lawngreen lemonchiffon
	lightblue lightcoral lightcyan lightgoldenrodyellow lightgray lightgreen
	lightgrey lightpink lightsalmon lightseagreen lightskyblue lightslategray
	lightslategrey lightsteelblue lightyellow lime limegreen linen magenta maroon
	mediumaquamarine mediumblue mediumorchid mediumpurple mediumseagreen
	mediumslateblue mediumspringgreen mediumturquoise mediumvioletred midnightblue
	mintcream mistyrose moccasin navajowhite navy oldlace olive olivedrab orange
	orangered orchid palegoldenrod palegreen paleturquoise palevioletred
	papayawhip peachpuff peru pink plum powderblue purple rebeccapurple red
	rosybrown royalblue saddlebrown salmon sandybrown seagreen seashell sienna
	silver skyblue slateblue slategray slategrey snow springgreen steelblue tan
	teal thistle tomato transparent turquoise violet wheat white whitesmoke yellow
	yellowgreen inherit`)

func words(s string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(s) {
		set[w] = true
	}
	return set
}
