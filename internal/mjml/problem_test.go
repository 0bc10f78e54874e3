package mjml

import (
	"errors"
	"strings"
	"testing"
)

// Each line of a case's want is a problem, in order; a document around the source
// is added for those that begin with another element.
func TestProblems(t *testing.T) {
	body := func(s string) string { return "<mjml><mj-body>\n" + s + "\n</mj-body></mjml>" }
	column := func(s string) string { return body("<mj-section><mj-column>\n" + s + "\n</mj-column></mj-section>") }
	headed := func(s string) string {
		return "<mjml><mj-head>\n" + s + "\n</mj-head><mj-body></mj-body></mjml>"
	}
	for name, c := range map[string]struct{ src, want string }{
		"script":             {column(`<mj-button href=" JavaScript:alert(1)">a</mj-button>`), "3:18: href of mj-button can't be a script; write an address that begins with https://"},
		"element":            {column(`<mj-txt>a</mj-txt>`), "3:1: there is no element mj-txt; did you mean mj-text?"},
		"html":               {column(`<p>a</p>`), "3:1: there is no element p; HTML goes into mj-text, mj-table or mj-raw"},
		"of MJML 3":          {body(`<mj-container></mj-container>`), "2:1: there is no element mj-container; it is of MJML 3: put what is in it straight into mj-body, and its width and background-color on mj-body"},
		"attribute":          {column(`<mj-text colour="red">a</mj-text>`), "3:10: mj-text has no attribute colour; did you mean color?"},
		"no attributes":      {headed(`<mj-title lang="en">a</mj-title>`), "2:11: mj-title has no attribute lang; mj-title has none"},
		"place":              {body(`<mj-text>a</mj-text>`), "2:1: mj-text can't stand in mj-body; it stands in mj-column or mj-hero"},
		"unit":               {body(`<mj-section><mj-column width="abc"></mj-column></mj-section>`), `2:31: width of mj-column can't be "abc"; it takes a number with px or %`},
		"four units":         {body(`<mj-section padding="1px 2px 3px 4px 5px"></mj-section>`), `2:22: padding of mj-section can't be "1px 2px 3px 4px 5px"; it takes one to four times a number with px or %`},
		"no unit":            {column(`<mj-text font-size="13">a</mj-text>`), `3:21: font-size of mj-text can't be "13"; it takes a number with px`},
		"color":              {column("<mj-text\n  color=\"Red\">a</mj-text>"), `4:10: color of mj-text can't be "Red"; it takes #rgb, #rrggbb, rgb(1,2,3), rgba(1,2,3,0.5) or a CSS color's name in small letters`},
		"word":               {column(`<mj-text align="middle">a</mj-text>`), `3:17: align of mj-text can't be "middle"; it takes left, right, center or justify`},
		"desktop":            {`<mjml owa="dekstop"><mj-body></mj-body></mjml>`, `1:12: owa of mjml can't be "dekstop"; it takes desktop or mobile`},
		"whole number":       {column(`<mj-table cellpadding="1.5">a</mj-table>`), `3:24: cellpadding of mj-table can't be "1.5"; it takes a whole number`},
		"yes or no":          {column(`<mj-image fluid-on-mobile="yes" />`), `3:28: fluid-on-mobile of mj-image can't be "yes"; it takes true or false`},
		"auto":               {column(`<mj-image height="50%" />`), `3:19: height of mj-image can't be "50%"; it takes a number with px, or auto`},
		"Liquid in a width":  {column(`<mj-image width="{{ w }}" />`), `3:18: width of mj-image can't be Liquid; write it out: MJML computes with it when the template is loaded`},
		"text":               {body("  wörter <mj-section></mj-section>"), `2:3: text between elements: "wörter"; put it in mj-text, or in mj-raw if it is HTML`},
		"after letters":      {body("<!-- äöü --><mj-sect></mj-sect>"), "2:13: there is no element mj-sect; did you mean mj-section?"},
		"MJML in text":       {column("<mj-text>a\n<mj-image /></mj-text>"), "4:1: mj-text holds HTML, an MJML element in it is not compiled; move it out of mj-text"},
		"not closed":         {"<mjml><mj-body>", "1:1: mjml is not closed; close it with </mjml>\n1:7: mj-body is not closed; close it with </mj-body>"},
		"closed wrongly":     {body("<mj-section>"), "2:1: mj-section is not closed before </mj-body>; close it with </mj-section>"},
		"closes nothing":     {body("</mj-section>"), "2:1: </mj-section> closes nothing"},
		"text not closed":    {column("<mj-text>a"), "3:1: mj-text is not closed; close it with </mj-text>\n"},
		"no quotes":          {column("<mj-text align=left>a</mj-text>"), `3:16: the value of attribute align is not in quotes; an attribute is name="value"`},
		"twice":              {column(`<mj-text align="left" align="left">a</mj-text>`), "3:23: attribute align is given twice; keep one of them"},
		"no document":        {"<mj-body></mj-body>", "1:1: an MJML document is one mjml element; put everything between <mjml> and </mjml>"},
		"nothing":            {"", "1:1: an MJML document is one mjml element; put everything between <mjml> and </mjml>"},
		"no body":            {"<mjml></mjml>", "1:1: the document has no mj-body; add <mj-body>"},
		"second head":        {"<mjml><mj-head></mj-head><mj-head></mj-head><mj-body></mj-body></mjml>", "1:26: a second mj-head in mjml"},
		"raw nowhere":        {"<mjml><mj-raw>a</mj-raw><mj-body></mj-body></mjml>", `1:7: mj-raw outside of head and body has no position; say position="file-start", or move it into mj-head or mj-body`},
		"class":              {"<mjml><mj-head><mj-attributes><mj-class name=\"blue\" color=\"blue\" /></mj-attributes></mj-head><mj-body><mj-section mj-class=\"blu\" /></mj-body></mjml>", "1:103: there is no mj-class blu; did you mean blue?"},
		"class's attribute":  {headed(`<mj-attributes><mj-class name="a" font-siz="3px" /></mj-attributes>`), "2:35: no element has an attribute font-siz; did you mean font-size?"},
		"class's value":      {headed(`<mj-attributes><mj-all padding="wide" /></mj-attributes>`), `2:33: padding of mj-all can't be "wide"; it takes one to four times a number with px or %`},
		"elements in class":  {headed(`<mj-attributes><mj-class name="a"><mj-text /></mj-class></mj-attributes>`), "2:35: elements in mj-class are not supported"},
		"class in defaults":  {headed(`<mj-attributes><mj-text mj-class="a" /></mj-attributes>`), "2:25: mj-class has no effect in mj-attributes; write out its attributes"},
		"media inline":       {headed("<mj-style inline=\"inline\">\n p { color: red }\n @media print { p { color: blue } }</mj-style>"), "4:2: @media print can't be put into style attributes; put it into an mj-style without inline"},
		"hover inline":       {headed("<mj-style inline=\"inline\">a:hover { color: red }</mj-style>"), "2:27: a:hover can't be put into style attributes: :hover depends on what happens in the client; put the rule into an mj-style without inline"},
		"network":            {column(`<mj-social><mj-social-element name="facebok">a</mj-social-element></mj-social>`), "3:12: mj-social-element knows no network facebok; did you mean facebook?"},
		"empty carousel":     {column(`<mj-carousel></mj-carousel>`), "3:1: mj-carousel has no picture; add mj-carousel-image"},
		"hero without size":  {body(`<mj-hero mode="fluid-height"></mj-hero>`), "2:1: mj-hero of fluid-height doesn't know how high it is; give it the picture's background-width and background-height"},
		"font without place": {headed(`<mj-font name="A" />`), "2:1: mj-font has no href"},
		"Liquid in head":     {headed(`{% if a %}`), "2:1: Liquid can't stand in mj-head"},
		"include":            {body(`<mj-include path="a.mjml" />`), "2:19: mj-include is not allowed here"},
	} {
		t.Run(name, func(t *testing.T) {
			html, problems := Compile("mail.mjml", []byte(c.src), Options{})
			if html != nil {
				t.Error("there is HTML")
			}
			var got []string
			for _, p := range problems {
				got = append(got, strings.TrimPrefix(p.String(), "mail.mjml:"))
			}
			text := strings.Join(got, "\n")
			if more, ok := strings.CutSuffix(c.want, "\n"); ok {
				if !strings.HasPrefix(text, more) && !strings.Contains(text, more) {
					t.Errorf("got\n%s\nwant among them\n%s", text, more)
				}
			} else if text != c.want {
				t.Errorf("got\n%s\nwant\n%s", text, c.want)
			}
		})
	}
}

func TestIncludeProblems(t *testing.T) {
	files := map[string]string{
		"a/self.mjml":  `<mj-include path="self.mjml" />`,
		"a/wrong.mjml": "<mj-section>\n  <mj-colum />\n</mj-section>",
		"a/body.mjml":  "<mjml><mj-body><mj-section /></mj-body></mjml>",
	}
	include := func(path string) ([]byte, error) {
		if text, ok := files[path]; ok {
			return []byte(text), nil
		}
		return nil, errors.New("it isn't there")
	}
	for name, c := range map[string]struct{ path, want string }{
		"itself":   {"a/self.mjml", "a/self.mjml:1:19: a/self.mjml includes itself"},
		"missing":  {"b.mjml", "mail.mjml:1:34: include b.mjml: it isn't there"},
		"absolute": {"/etc/passwd", `mail.mjml:1:34: "/etc/passwd" is no relative path; write it relative to this file`},
		"address":  {"https://a.example/b", `mail.mjml:1:34: "https://a.example/b" is no relative path; write it relative to this file`},
		"within":   {"a/wrong.mjml", "a/wrong.mjml:2:3: there is no element mj-colum; did you mean mj-column?"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := Compile("mail.mjml", []byte(`<mjml><mj-body><mj-include path="`+c.path+`" /></mj-body></mjml>`), Options{Include: include})
			if len(problems) != 1 || problems[0].String() != c.want {
				t.Errorf("got %v, want %s", problems, c.want)
			}
		})
	}
	_, problems := Compile("mail.mjml", []byte(`<mjml><mj-head><mj-include path="a/body.mjml" /></mj-head><mj-body /></mjml>`), Options{Include: include})
	if len(problems) != 1 || !strings.Contains(problems[0].What, "included in mj-head") {
		t.Errorf("a body in the head: %v", problems)
	}
}

// Liquid comes out as it went in, wherever it may stand.
func TestLiquidSurvives(t *testing.T) {
	pieces := []string{
		`{{ customer.name | default: "friend" }}`, `{% if a < b and c > "d" %}`, `{{ product.url | append: '?a="b"' }}`, `{{ shop.color }}`,
		`{%- for p in products limit: 2 -%}`, `{{ p.title | replace: "<mj-text>", "" }}`, `{% endfor %}`, `{{ size }}px`, `{{ a | url_param: "x", 'y' }}`,
	}
	src := `<mjml><mj-head><mj-title>` + pieces[0] + `</mj-title><mj-style>p { color: ` + pieces[3] + ` }</mj-style>
<mj-style inline="inline">.x div { color: ` + pieces[3] + ` }</mj-style></mj-head><mj-body background-color="` + pieces[3] + `">` + pieces[1] + `
<mj-section css-class="x">` + pieces[4] + `<mj-column width="50%"><mj-text font-size="` + pieces[7] + `" align="{{ start }}">` + pieces[2] + pieces[5] + `</mj-text>
<mj-button href="` + pieces[2] + `" title='` + pieces[8] + `'>` + pieces[0] + `</mj-button><mj-image alt="` + pieces[0] + `" src="{{ p.image }}" /></mj-column>` + pieces[6] + `</mj-section>{% endif %}</mj-body></mjml>`
	html, problems := Compile("mail.mjml", []byte(src), Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, piece := range pieces {
		if got, want := strings.Count(string(html), piece), strings.Count(src, piece); got < want {
			t.Errorf("%s is there %d times, %d in the source", piece, got, want)
		}
	}
	if !strings.Contains(string(html), `alt='`+pieces[0]+`'`) {
		t.Error("quotes in Liquid end the attribute")
	}
}
