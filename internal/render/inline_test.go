package render

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestInline(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"element":           {`<style>p{color:red}</style><p>x</p>`, `<p style="color: red">x</p>`},
		"comma list":        {`<style>h1, .a , td.b>i{color:red}</style><h1>x</h1><p class="a">y</p><b class="a">z</b>`, `<h1 style="color: red">x</h1><p style="color: red" class="a">y</p><b style="color: red" class="a">z</b>`},
		"specificity":       {`<style>#i{color:red}.c{color:blue}p{color:green}</style><p id="i" class="c">x</p>`, `<p style="color: red" id="i" class="c">x</p>`},
		"source order":      {`<style>.a{color:red}.b{color:blue}</style><p class="b a">x</p>`, `<p style="color: blue" class="b a">x</p>`},
		"two sheets":        {`<style>p{color:red}</style><style>p{color:blue}</style><p>x</p>`, `<p style="color: blue">x</p>`},
		"shorthand":         {`<style>p{margin-top:5px}.a{margin:0}</style><p class="a">x</p>`, `<p style="margin-top: 5px; margin: 0" class="a">x</p>`},
		"shorthand before":  {`<style>p{margin:0}.a{margin-top:5px}</style><p class="a">x</p>`, `<p style="margin: 0; margin-top: 5px" class="a">x</p>`},
		"important":         {`<style>p{color:red!important}#i{color:blue}</style><p id="i">x</p>`, "<style>\np { color: red !important }\n</style>" + `<p style="color: blue; color: red" id="i">x</p>`},
		"own style wins":    {`<style>p{color:red;margin:0}</style><p style="color:blue">x</p>`, `<p style="color: red; margin: 0; color:blue">x</p>`},
		"but not important": {`<style>p{color:red ! important}</style><p style="color:blue;">x</p>`, "<style>\np { color: red !important }\n</style>" + `<p style="color:blue; color: red">x</p>`},
		"own important":     {`<style>p{color:red!important}</style><p style="color:blue!important">x</p>`, `<p style="color:blue!important">x</p>`},
		"single quotes":     {`<style>p{font-family:"A B"}</style><p style='color:blue'>x</p>`, `<p style='font-family: &#39;A B&#39;; color:blue'>x</p>`},
		"quotes":            {`<style>p{font-family:"A B", serif}</style><p>x</p>`, `<p style="font-family: 'A B',serif">x</p>`},
		"unquoted style":    {`<style>p{margin:0}</style><p style=color:blue>x</p>`, `<p style="margin: 0; color:blue">x</p>`},
		"hover kept":        {`<style>a{color:red}a:hover{color:blue}</style><a>x</a>`, "<style>\na:hover { color:blue }\n</style><a style=\"color: red\">x</a>"},
		"media kept":        {`<style>@media (max-width:1px){p{color:red}}p{margin:0}</style><p>x</p>`, "<style>\n@media (max-width:1px){p{color:red}}\n</style><p style=\"margin: 0\">x</p>"},
		"font-face kept":    {`<style>@font-face{font-family:X;src:url(x;y)}</style><p>x</p>`, "<style>\n@font-face{font-family:X;src:url(x;y)}\n</style><p>x</p>"},
		"import kept":       {`<style>@import url("a.css");p{margin:0}</style><p>x</p>`, "<style>\n@import url(\"a.css\");\n</style><p style=\"margin: 0\">x</p>"},
		"hooks kept":        {`<style>#outlook a,p{margin:0}.ExternalClass *{x:y}</style><p>x</p>`, "<style>\n#outlook a { margin:0 }\n.ExternalClass * { x:y }\n</style><p style=\"margin: 0\">x</p>"},
		"media attribute":   {`<style media="print">p{margin:0}</style><p>x</p>`, `<style media="print">p{margin:0}</style><p>x</p>`},
		"comments in css":   {`<style>/* a{} */p/*,b*/{/*x*/margin:0;/*y*/}<!-- --></style><p>x</p>`, `<p style="margin: 0">x</p>`},
		"url with data":     {`<style>p{background:url(data:image/png;base64,AA==)}</style><p>x</p>`, `<p style="background: url(data:image/png;base64,AA==)">x</p>`},
		"ampersand":         {`<style>p{background:url("a?b&c")}</style><p>x</p>`, `<p style="background: url('a?b&amp;c')">x</p>`},
		"fallback values":   {`<style>p{color:red;color:rgba(1,1,1,.5)}</style><p>x</p>`, `<p style="color: red; color: rgba(1,1,1,.5)">x</p>`},
		"table rows":        {`<style>td{margin:0}</style><table>text<tr><td>x</table>`, `<table>text<tr><td style="margin: 0">x</table>`},
		"mso":               {`<style>p{margin:0}</style><!--[if mso]><p><style>p{x:y}</style><![endif]--><p>x</p><!--[if !mso]><!--><p>y</p><!--<![endif]-->`, `<!--[if mso]><p><style>p{x:y}</style><![endif]--><p style="margin: 0">x</p><!--[if !mso]><!--><p style="margin: 0">y</p><!--<![endif]-->`},
		"self closing":      {`<style>img{border:0}</style><img src="a"/><br/>`, `<img style="border: 0" src="a"/><br/>`},
		"not in the head":   {`<html><head><style>*{margin:0}</style><title>a<b></title></head><body><p>x</p></body></html>`, `<html style="margin: 0"><head><title>a<b></title></head><body style="margin: 0"><p style="margin: 0">x</p></body></html>`},
		"attribute":         {`<style>td[align=center]{margin:0}p:not([x]){y:z}</style><table><td align="center">x</table><p>y</p>`, `<table><td style="margin: 0" align="center">x</table><p style="y: z">y</p>`},
		"structure":         {`<style>tr:first-child td, div > p + p{margin:0}</style><table><tr><td>1<tr><td>2</table><div><p>a<p>b</div>`, `<table><tr><td style="margin: 0">1<tr><td>2</table><div><p>a<p style="margin: 0">b</div>`},
		"no sheet":          {`<p style="a: b">&amp;&nbsp;</p>`, `<p style="a: b">&amp;&nbsp;</p>`},
		"misnested":         {`<style>b{x:y}</style><b><p>1</b>2</p>`, `<b style="x: y"><p>1</b>2</p>`},
		"broken css":        {`<style>p{color:red;;;:;b}} x{ p{margin:0}</style><p>x</p>`, `<p style="color: red">x</p>`},
		"upper case":        {`<STYLE>P{Color:RED}</STYLE><P CLASS=a>x</P>`, `<P style="color: RED" CLASS=a>x</P>`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := inlineCSS(c.src); got != c.want && !strings.HasSuffix(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Where classes depend on data, the CSS is inlined by what was rendered.
func TestInlineByData(t *testing.T) {
	src := `<html><head><style>.gold{color:gold}.iron{color:gray}</style></head><body>` +
		`{% for p in trigger.items %}<p class="{{ p.kind }}">{{ p.kind }}</p>{% endfor %}<b {% if trigger.items %}class="iron"{% endif %}>x</b></body></html>`
	_, p := mustRender(t, compile(t, bare(t, src)), receiptMessage(`{"items":[{"kind":"gold"},{"kind":"iron"}]}`, nil))
	for _, want := range []string{`<p style="color: gold" class="gold">gold</p>`, `<p style="color: gray" class="iron">iron</p>`, `<b style="color: gray" class="iron">x</b>`} {
		if !strings.Contains(p.html, want) {
			t.Errorf("no %s in\n%s", want, p.html)
		}
	}
}

// Real templates lose no text, element, attribute or comment by inlining.
func TestRealTemplates(t *testing.T) {
	files := realTemplates(t)
	if len(files) == 0 {
		t.Skip("the collection of templates is not here")
	}
	styled := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		src := string(b)
		out := inlineCSS(src)
		if got, want := contentOf(t, out), contentOf(t, src); got != want {
			t.Errorf("%s: %s", filepath.Base(file), firstDifference(got, want))
		}
		if strings.Count(out, "style=") > strings.Count(src, "style=") {
			styled++
		}
		if text := string(appendTextOf(nil, out)); strings.TrimSpace(text) == "" {
			t.Errorf("%s: no text part", filepath.Base(file))
		}
	}
	t.Logf("%d templates, %d with styles inlined", len(files), styled)
}

func realTemplates(t testing.TB) (files []string) {
	t.Helper()
	root := filepath.Join("..", "..", "..", "shared", "data", "templates")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".html" {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// contentOf lists all that a parser sees in a document but for styles.
func contentOf(t *testing.T, src string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range root.Descendants() {
		inStyle := n.Parent != nil && n.Parent.Data == "style"
		switch {
		case n.Type == html.ElementNode && n.Data != "style":
			b.WriteString("<" + n.Data)
			for _, a := range n.Attr {
				if a.Key != "style" {
					b.WriteString(" " + a.Key + "=" + a.Val)
				}
			}
			b.WriteString(">\n")
		case n.Type == html.TextNode && !inStyle:
			// A sheet that is gone leaves the white space around it as one.
			b.WriteString(strings.TrimSpace(n.Data))
		case n.Type == html.CommentNode || n.Type == html.DoctypeNode:
			b.WriteString("<!" + n.Data + ">\n")
		}
	}
	return b.String()
}

// The inliner takes any input, and leaves what has no style alone.
func FuzzInline(f *testing.F) {
	f.Add(`<style>p, a:hover{color:red!important}</style><p style='x:y'>a<table><tr>b`)
	f.Add(`<style>@media x{p{a:b}}</style><!--[if mso]><p><![endif]-->`)
	f.Add(`<style>p{a:"\`)
	f.Fuzz(func(t *testing.T, src string) {
		out := inlineCSS(src)
		if !strings.Contains(strings.ToLower(src), "style") && out != src {
			t.Fatalf("changed without a style: %q to %q", src, out)
		}
	})
}

// The scanner's tokens cover the source without gaps.
func FuzzScanHTML(f *testing.F) {
	f.Add(`<!doctype html><p a=b c='d' e>x<!-- y --><br/></p><style>z</style>`)
	f.Add(`<a href=` + holeOpen + `1` + holeClose + ` ` + holeOpen + `2` + holeClose + `>`)
	f.Add(`<!-->x<!--->y</ z><1>`)
	f.Fuzz(func(t *testing.T, src string) {
		at := 0
		scanHTML(src, 0, len(src), func(tok *htmlToken) {
			if tok.start != at || tok.end <= tok.start || tok.end > len(src) {
				t.Fatalf("token %+v at %d of %q", tok, at, src)
			}
			for _, a := range tok.attrs {
				if a.start < tok.start || a.end > tok.end || a.hasValue && (a.vs > a.ve || a.ve > a.end) {
					t.Fatalf("attribute %+v of %q", a, src)
				}
			}
			at = tok.end
		})
		if at != len(src) {
			t.Fatalf("stopped at %d of %q", at, src)
		}
		appendTextOf(nil, src)
	})
}
