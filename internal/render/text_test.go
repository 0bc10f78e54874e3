package render

import "testing"

func TestText(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"paragraphs":     {"<h1>Title</h1><p>One\n  two</p><p>Three<br>four</p>", "Title\n\nOne two\n\nThree\nfour\n"},
		"link":           {`<a href="https://a.example/?b=1&amp;c=2">here</a>.`, "here (https://a.example/?b=1&c=2).\n"},
		"link is text":   {`<a href="https://a.example/">https://a.example/</a> <a href="mailto:a@b.example">a@b.example</a>`, "https://a.example/ a@b.example\n"},
		"anchor":         {`<a href="#x">up</a> <a name="x">here</a>`, "up here\n"},
		"linked image":   {`<a href="https://a.example/"><img alt="Shop &amp; more" src="x"></a>`, "Shop & more (https://a.example/)\n"},
		"bare image":     {`<a href="https://a.example/"><img src="x"></a><img src="y" alt="">`, "https://a.example/\n"},
		"icon and words": {`<table><tr><td><a href="https://a.example/"><img src="x" alt=""></a></td><td><a href="https://a.example/">Follow us</a></td></tr></table>after`, "Follow us (https://a.example/)\nafter\n"},
		"words and icon": {`<p><a href="https://a.example/">Follow us</a> <a href="https://a.example/"><img src="x"></a></p><p>after</p>`, "Follow us (https://a.example/)\n\nafter\n"},
		"named picture":  {`<a href="https://a.example/"><img src="x" alt="Mug"></a><br><a href="https://a.example/">Mug</a> 9`, "Mug (https://a.example/) 9\n"},
		"other words":    {`<a href="https://a.example/">Mug</a> <a href="https://a.example/">Buy it</a>`, "Mug (https://a.example/) Buy it (https://a.example/)\n"},
		"text between":   {`<a href="https://a.example/">Mug</a> or <a href="https://a.example/">Mug</a>`, "Mug (https://a.example/) or Mug (https://a.example/)\n"},
		"other icon":     {`<a href="https://a.example/"><img src="x"></a> <a href="https://b.example/">Mug</a>`, "https://a.example/ Mug (https://b.example/)\n"},
		"spacer":         {`a<div>&#8202;</div><div>b</div>c&#8202;d`, "a\nb\nc d\n"},
		"rows and cells": {"<table><tr><td>Widget</td><td>12,50 EUR</td></tr>\n<tr><td>Gadget</td>\n<td>9</td></tr></table>", "Widget  12,50 EUR\nGadget  9\n"},
		"nested tables":  {"<table><tr><td><table><tr><td>a</td></tr></table></td><td><p>b</p></td></tr></table>c", "a\n\nb\n\nc\n"},
		"lists":          {"<ul><li>a<li>b</ul><ol><li>c</li><li><b>d</b></li></ol>", "- a\n- b\n\n1. c\n2. d\n"},
		"hidden":         {`<head><title>t</title></head><div style="display: none"><div>a</div>b</div><p hidden>c</p>d<span style="color:red;display:none!important">e</span>`, "d\n"},
		"not seen":       {`<style>a</style><script>b</script><!-- c --><!--[if mso]>d<![endif]-->e`, "e\n"},
		"shown by mso":   {`<!--[if !mso]><!-->a<!--<![endif]-->`, "a\n"},
		"entities":       {"a&nbsp;&nbsp;b &lt;c&gt; &#8364;&zwnj;d", "a b <c> €d\n"},
		"rule":           {"a<hr>b", "a\n\n---\n\nb\n"},
		"inline":         {"a<b>b</b>c <i> d </i> e", "abc d e\n"},
		"breaks":         {"a<br><br><br><br>b", "a\n\nb\n"},
		"preformatted":   {"<pre>a\n  b</pre>c", "a\n  b\n\nc\n"},
		"empty":          {"<p> &nbsp; </p>", ""},
		"unclosed link":  {`<a href="https://a.example/">x<a href="https://b.example/">y</a>`, "x (https://a.example/) y (https://b.example/)\n"},
		"hebrew":         {"<p dir=rtl>שלום, <a href='https://a.example/'>לסל</a></p>", "שלום, לסל (https://a.example/)\n"},
		"void hidden":    {`<img style="display:none" alt="a"><input hidden>b`, "b\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(appendTextOf(nil, c.src)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
