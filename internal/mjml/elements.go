package mjml

import (
	"slices"
	"strings"
)

// element is what MJML says of one element.
type element struct {
	ending  bool     // holds HTML, CSS or text, not elements
	parents []string // where it may stand
	attrs   map[string]attr
}

// attr is what MJML says of one attribute.
type attr struct {
	kind     kind
	standard string // the value without the attribute
}

// in makes an element's description. Each line of attrs is
//
//	name… kind [= default]
//
// where the kinds are string, color, bool, int, a|b|c for one of some words, and
// px,% for a number with one of some units ("num" for none), with {4} for one to
// four of them.
func in(parents, attrs string) *element {
	e := &element{parents: strings.Fields(parents), attrs: map[string]attr{"css-class": {kind: kind{name: "string"}}}}
	for line := range strings.Lines(attrs) {
		definition, standard, _ := strings.Cut(strings.TrimSpace(line), " = ")
		words := strings.Fields(definition)
		if len(words) == 0 {
			continue
		}
		for _, name := range words[:len(words)-1] {
			e.attrs[name] = attr{kind: newKind(words[len(words)-1]), standard: standard}
		}
	}
	return e
}

// holding marks an element that holds HTML or text.
func holding(e *element) *element {
	e.ending = true
	return e
}

// head marks an element that has no css-class.
func head(e *element) *element {
	delete(e.attrs, "css-class")
	return e
}

const (
	ubuntu = "Ubuntu, Helvetica, Arial, sans-serif"

	inColumn = "mj-column mj-hero"

	paddings = `
		padding px,%{4}
		padding-top padding-right padding-bottom padding-left px,%`
	borders = `
		border border-top border-right border-bottom border-left string`
	cell = paddings + `
		container-background-color color`
	font = `
		font-family string = ` + ubuntu + `
		font-size px = 13px
		font-style font-weight string
		line-height px,%,num
		letter-spacing px,em
		text-decoration text-transform string`
	link = `
		href rel name string
		target string = _blank`
	sectionAttrs = borders + paddings + `
		background-color color
		background-url string
		background-repeat repeat|no-repeat = repeat
		background-size string = auto
		background-position string = top center
		background-position-x background-position-y border-radius string
		direction ltr|rtl = ltr
		full-width full-width|false
		padding px,%{4} = 20px 0
		text-align left|center|right = center`
)

// elements are all that MJML has, from its documentation. Where the reference
// takes more than is documented, it is here if it has an effect.
var elements = map[string]*element{
	"mjml": head(in("", `
		lang dir string
		owa desktop|mobile = mobile`)),
	"mj-head": head(in("mjml", ``)),
	"mj-body": in("mjml", `
		background-color color
		id string
		width px = 600px`),
	"mj-include": holding(head(in("mjml mj-head mj-attributes mj-body mj-wrapper mj-section mj-group mj-column mj-hero", `
		path string
		type mjml|html|css = mjml
		css-inline inline`))),
	raw: holding(head(in("mjml mj-head mj-body mj-wrapper mj-section mj-group mj-column mj-hero mj-social mj-navbar mj-accordion mj-accordion-element", `
		position file-start`))),

	"mj-title":           holding(head(in("mj-head", ``))),
	"mj-preview":         holding(head(in("mj-head", ``))),
	"mj-breakpoint":      head(in("mj-head", `width px`)),
	"mj-font":            head(in("mj-head", `name href string`)),
	"mj-style":           holding(head(in("mj-head", `inline inline`))),
	"mj-attributes":      head(in("mj-head", ``)),
	"mj-all":             head(in("mj-attributes", ``)),
	"mj-class":           head(in("mj-attributes", `name string`)),
	"mj-html-attributes": head(in("mj-head", ``)),
	"mj-selector":        head(in("mj-html-attributes", `path string`)),
	"mj-html-attribute":  holding(head(in("mj-selector", `name string`))),

	"mj-section": in("mj-body mj-wrapper", sectionAttrs+`
		gutter px,%`),
	"mj-wrapper": in("mj-body", sectionAttrs+`
		gap px`),
	"mj-group": in("mj-section", `
		background-color color
		direction ltr|rtl = ltr
		vertical-align top|middle|bottom
		width px,%`),
	"mj-column": in("mj-section mj-group", paddings+borders+`
		background-color inner-background-color color
		border-radius inner-border-radius string
		inner-border inner-border-top inner-border-right inner-border-bottom inner-border-left string
		direction ltr|rtl = ltr
		vertical-align top|middle|bottom = top
		width px,%`),
	"mj-hero": in("mj-body mj-wrapper", paddings+`
		background-color color = #ffffff
		background-height background-width px,%
		background-position string = center center
		background-url border-radius string
		height px,% = 0px
		inner-background-color color
		inner-padding px,%{4}
		inner-padding-top inner-padding-right inner-padding-bottom inner-padding-left px,%
		mode fixed-height|fluid-height = fixed-height
		padding px,%{4} = 0px
		vertical-align top|middle|bottom = top`),

	"mj-text": holding(in(inColumn, cell+font+`
		align left|right|center|justify = left
		color color = #000000
		height px,%
		line-height px,%,num = 1
		padding px,%{4} = 10px 25px`)),
	"mj-button": holding(in(inColumn, cell+font+link+borders+`
		align left|center|right = center
		background-color color = #414141
		border string = none
		border-radius string = 3px
		color color = #ffffff
		font-weight string = normal
		height px,%
		inner-padding px,%{4} = 10px 25px
		line-height px,%,num = 120%
		padding px,%{4} = 10px 25px
		text-align left|center|right
		text-decoration string = none
		text-transform string = none
		title string
		vertical-align top|middle|bottom = middle
		width px,%`)),
	"mj-image": in(inColumn, cell+borders+link+`
		align left|center|right = center
		alt border-radius sizes src srcset title usemap string
		border string = 0
		fluid-on-mobile bool
		font-size px = 13px
		height px,auto = auto
		max-height px,%
		padding px,%{4} = 10px 25px
		width px`),
	"mj-divider": in(inColumn, cell+`
		align left|center|right = center
		border-color color = #000000
		border-style string = solid
		border-width px = 4px
		padding px,%{4} = 10px 25px
		width px,% = 100%`),
	"mj-spacer": in(inColumn, cell+`
		height px,% = 20px`),
	"mj-table": holding(in(inColumn, cell+`
		align left|center|right = left
		border string = none
		cellpadding cellspacing int = 0
		color color = #000000
		font-family string = `+ubuntu+`
		font-size px = 13px
		line-height px,%,num = 22px
		padding px,%{4} = 10px 25px
		role none|presentation
		table-layout auto|fixed|initial|inherit = auto
		width px,%,auto = 100%`)),

	"mj-social": in(inColumn, cell+`
		align left|center|right = center
		border font-style font-weight string
		border-radius string = 3px
		color color = #333333
		font-family string = `+ubuntu+`
		font-size px = 13px
		icon-height px,%
		icon-size px,% = 20px
		icon-padding inner-padding text-padding px,%{4}
		line-height px,%,num = 22px
		mode horizontal|vertical = horizontal
		padding px,%{4} = 10px 25px
		text-decoration string = none`),
	"mj-social-element": holding(in("mj-social", paddings+link+`
		align left|center|right = left
		alt font-style font-weight sizes src srcset title string
		background-color color
		border string = 0
		border-radius string = 3px
		color color = #000
		font-family string = `+ubuntu+`
		font-size px = 13px
		icon-height icon-size px,%
		icon-padding px,%{4}
		icon-position left|right = left
		line-height px,%,num = 1
		padding px,%{4} = 4px
		text-decoration string = none
		text-padding px,%{4} = 4px 4px 4px 0
		vertical-align top|middle|bottom = middle`)),
	"mj-navbar": in(inColumn, paddings+`
		align left|center|right = center
		base-url string
		hamburger hamburger
		ico-align left|center|right = center
		ico-close string = &#8855;
		ico-open string = &#9776;
		ico-color color = #000000
		ico-font-family string = `+ubuntu+`
		ico-font-size px,% = 30px
		ico-line-height px,%,num = 30px
		ico-padding px,%{4} = 10px
		ico-padding-top ico-padding-right ico-padding-bottom ico-padding-left px,%
		ico-text-decoration string = none
		ico-text-transform string = uppercase`),
	"mj-navbar-link": holding(in("mj-navbar", paddings+font+link+`
		color color = #000000
		font-weight string = normal
		line-height px,%,num = 22px
		padding px,%{4} = 15px 10px
		text-decoration string = none
		text-transform string = uppercase`)),

	"mj-accordion": in(inColumn, cell+`
		border string = 2px solid black
		font-family string = `+ubuntu+`
		icon-align top|middle|bottom = middle
		icon-height icon-width px,% = 32px
		icon-position left|right = right
		icon-unwrapped-alt string = -
		icon-unwrapped-url string = https://i.imgur.com/w4uTygT.png
		icon-wrapped-alt string = +
		icon-wrapped-url string = https://i.imgur.com/bIXv1bk.png
		padding px,%{4} = 10px 25px`),
	"mj-accordion-element": in("mj-accordion", `
		background-color color
		border font-family icon-unwrapped-alt icon-unwrapped-url icon-wrapped-alt icon-wrapped-url string
		icon-align top|middle|bottom
		icon-height icon-width px,%
		icon-position left|right`),
	"mj-accordion-title": holding(in("mj-accordion-element", paddings+`
		background-color color color
		font-family font-weight string
		font-size px = 13px
		padding px,%{4} = 16px`)),
	"mj-accordion-text": holding(in("mj-accordion-element", paddings+`
		background-color color color
		font-family font-weight string
		font-size px = 13px
		letter-spacing px,em
		line-height px,%,num = 1
		padding px,%{4} = 16px`)),

	"mj-carousel": in(inColumn, cell+`
		align left|center|right = center
		border-radius string = 6px
		icon-width px,% = 44px
		left-icon string = https://i.imgur.com/xTh3hln.png
		right-icon string = https://i.imgur.com/os7o9kz.png
		tb-border string = 2px solid transparent
		tb-border-radius string = 6px
		tb-hover-border-color color = #fead0d
		tb-selected-border-color color = #cccccc
		tb-width px,%
		thumbnails visible|hidden|supported = visible`),
	"mj-carousel-image": holding(in("mj-carousel", `
		target string = _blank
		alt border-radius href rel src tb-border tb-border-radius thumbnails-src title string`)),
}

// former names what MJML 3 had and MJML has no more.
var former = map[string]string{
	"mj-container":    "it is of MJML 3: put what is in it straight into mj-body, and its width and background-color on mj-body",
	"mj-hero-content": "it is of MJML 3: put what is in it straight into mj-hero, and its paddings there as inner-padding",
	"mj-inline-links": "it is of MJML 3: it is called mj-navbar now, and mj-link in it mj-navbar-link",
	"mj-link":         "it is of MJML 3: it is called mj-navbar-link now",
	"mj-list":         "it is of MJML 3: write an HTML list in mj-text",
	"mj-invoice":      "it is of MJML 3: write its rows in mj-table",
	"mj-invoice-item": "it is of MJML 3: write it as a row of mj-table",
	"mj-location":     "it is of MJML 3: write a link in mj-text",
	"mj-html":         "it is of MJML 3: write mj-raw",
}

// names are those of all elements that may stand in a place.
func names(parent string) []string {
	var all []string
	for name, e := range elements {
		if slices.Contains(e.parents, parent) || parent == "mj-attributes" && e.styled() {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// styled tells whether an element is one of the body, whose attributes
// mj-attributes may set.
func (e *element) styled() bool {
	_, ok := e.attrs["css-class"]
	return ok
}
