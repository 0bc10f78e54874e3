package render

import (
	"strings"
	"testing"

	"tidings/internal/campaign"
)

// problemsOf compiles a receipt with the given body.
func problemsOf(t *testing.T, body string) []campaign.Problem {
	t.Helper()
	cat := bare(t, body)
	cat.Workspace.Brand["legal"] = `<p onclick="a()">Kape</p><script>a()</script>`
	cat.Workspace.Brand["half"], cat.Workspace.Brand["rest"] = "words <scr", "ipt>x()</script>"
	_, problems := Compile(cat)
	return problems
}

func TestProblems(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"variable":             {"one\n<p>{{ custmer.first_name }}</p>", `templates/receipt.html:2:4: unknown variable "custmer"; did you mean customer?`},
		"member":               {"{{ brand.adress }}", `:1:1: unknown variable "brand.adress"; did you mean address?`},
		"of a loop":            {"{% for p in trigger.x %}{{ forloop.indx }}{% endfor %}", `:1:25: unknown variable "forloop.indx"; did you mean index?`},
		"in a condition":       {"{% if custoemr.x %}{% endif %}", `:1:1: unknown variable "custoemr"; did you mean customer?`},
		"in an argument":       {"{{ customer.x | default: nick }}", `unknown variable "nick"`},
		"event":                {"{{ event.total }}", `unknown variable "event"; write trigger`},
		"own name":             {"{{ __state }}", `unknown variable "__state"`},
		"assigned global":      {"{% assign customer = 1 %}", `"customer" is a name of Tidings' own`},
		"filter":               {"{{ customer.x | upcas }}", `unknown filter "upcas"; did you mean upcase?`},
		"filter in if":         {"{% if customer.x | siz %}{% endif %}", `unknown filter "siz"; did you mean size?`},
		"filter in brackets":   {"{{ (customer.x | size) }}", `filters cannot stand in brackets`},
		"hidden filter":        {"{{ customer.x | type }}", `unknown filter "type"`},
		"raw filter":           {"{{ customer.x | safe }}", `unknown filter "safe"`},
		"tag":                  {"\n\n{% fro x in y %}", `templates/receipt.html:3:1: unknown tag "fro"; did you mean for?`},
		"bare end":             {"{%end%}", `unknown tag "end"`},
		"of Shopify":           {"{% liquid\necho 1 %}", `unknown tag "liquid"; write each of its lines as a tag`},
		"of Braze":             {"{{ ${first_name} | default: 'x' }}", `:1:1: ${first_name} is a name in another mailer; write {{ customer.first_name }}`},
		"stops in Braze":       {"{% abort_message('no') %}", `unknown tag "abort_message"; say in the campaign's audience`},
		"of Customer.io":       {"{{ now | timezone: 'UTC' }}", `unknown filter "timezone"; date writes in the customer's zone`},
		"of Klaviyo":           {"{{ first_name|default:'x' }}", `unknown variable "first_name"; write customer.first_name`},
		"printed blank":        {"{{ blank }}", `:1:1: blank stands only in a condition, behind == or !=; write {% if customer.city != blank %}`},
		"blank in front":       {"{% if blank == customer.x %}{% endif %}", `blank and empty stand behind == or != alone`},
		"filtered blank":       {"{% if customer.x | size == empty %}{% endif %}", `blank and empty stand behind == or != alone`},
		"blank case":           {"{% case customer.x %}{% when blank %}{% endcase %}", `blank stands only in a condition`},
		"assigned empty":       {"{% capture empty %}x{% endcapture %}", `"empty" is a word of Liquid`},
		"compared with blank":  {"{% if custmer.x != blank %}{% endif %}", `unknown variable "custmer"; did you mean customer?`},
		"include":              {`{% include "x" %}`, `unknown tag "include"; write {% render "name" %}`},
		"partial":              {`{% render "buton" %}`, `no partial "buton"; did you mean button?`},
		"render syntax":        {`{% render button %}`, `not a call of a partial`},
		"unclosed output":      {"a\nb {{ customer.x", `templates/receipt.html:2:3: unclosed {{; close it with }}`},
		"output into output":   {"{{ customer.x <b>{{ customer.y }}</b>", `:1:1: unclosed {{`},
		"unclosed tag":         {"{% if customer.x ", `unclosed {%; close it with %}`},
		"unclosed block":       {"a\n{% if customer.x %}", `templates/receipt.html:2:1: unclosed {% if %}; close it with {% endif %}`},
		"crossed blocks":       {"{% if customer.x %}{% for p in trigger.y %}{% endif %}{% endfor %}", `{% endif %} closes nothing that is open here`},
		"stray else":           {"{% else %}", `stands outside of its block`},
		"syntax":               {"{{ customer.x y }}", `"customer.x y" is not Liquid`},
		"condition syntax":     {"\n{% if customer.x = 1 %}{% endif %}", `templates/receipt.html:2`},
		"huge number":          {"{{ 99999999999999999999 }}", `is not`},
		"empty":                {"{{ }}", `nothing stands in`},
		"range":                {"{% for i in (1..100000000) %}{% endfor %}", `the range (1..100000000) is too long for a mail; loop at most 1000 times`},
		"range elsewhere":      {"{% assign r = (1..9) %}", `a range stands only in a for`},
		"range with filter":    {"{% for i in (1..9) | reverse %}{% endfor %}", `a range stands only in a for, without filters`},
		"unquoted attribute":   {"<td bgcolor={{ customer.x }}>", `:1:13: an output cannot stand in bgcolor without quotes; bgcolor="{{ … }}"`},
		"makes attributes":     {"<td {{ customer.x }}>", `an output cannot make attributes of a tag`},
		"makes a tag":          {"<{{ customer.x }}>", `an output cannot stand as the name of a tag`},
		"script":               {"<script>var x = '{{ customer.x }}'</script>", `an output cannot stand within <script>`},
		"style":                {"<style>a { color: {{ brand.colour }} }</style>", `an output cannot stand within <style>`},
		"handler":              {`<a onclick="f('{{ customer.x }}')">`, `an output cannot stand in onclick`},
		"in a comment for mso": {`<!--[if mso]><v:rect fillcolor={{ customer.x }}></v:rect><![endif]-->`, `cannot stand in fillcolor without quotes`},
		"script without data":  {"one\n <script>track()</script>", `templates/receipt.html:2:2: a mail cannot hold <script>; take it out`},
		"script in capitals":   {"<SCRIPT src=\"https://a.example/x.js\"></SCRIPT>", `:1:1: a mail cannot hold <script>`},
		"frame":                {`<iframe src="https://a.example/"></iframe>`, `:1:1: a mail cannot hold <iframe>`},
		"object":               {`x <object data="https://a.example/"></object>`, `:1:3: a mail cannot hold <object>`},
		"embed":                {`<embed src="https://a.example/">`, `a mail cannot hold <embed>`},
		"form":                 {"<form\n action=\"https://a.example/\">", `:1:1: a mail cannot hold <form>`},
		"input":                {`<p>a</p><INPUT type=password>`, `:1:9: a mail cannot hold <input>`},
		"handler of a tag":     {"one\n<p class=\"a\" onClick=\"track()\">x</p>", `templates/receipt.html:2:14: a mail cannot hold onclick; take it out: mail programs run no scripts`},
		"handler of a picture": {`<svg/onload=alert(1)>`, `a mail cannot hold onload`},
		"script for Outlook":   {"<!--[if mso]>\n<script>a()</script><![endif]-->", `templates/receipt.html:2:1: a mail cannot hold <script>`},
		"script in a style":    {`<p style="width:expression(alert(1))">x</p>`, `:1:11: a mail cannot hold a style that runs a script`},
		"script in style":      {"<style>p { background: url(JavaScript:alert(1)) }</style>", `a mail cannot hold a style that runs a script`},
		"base":                 {`<base href="https://a.example/">`, `a mail cannot hold <base>`},
		"text area":            {`<textarea></textarea>`, `a mail cannot hold <textarea>`},
		"srcdoc":               {`<p srcdoc="x">a</p>`, `a mail cannot hold srcdoc`},
		"script of the brand":  {"a\n{{ brand.legal | raw }}", `templates/receipt.html:2:1: brand.legal holds <script>, and a mail cannot; take it out`},
		"handler of the brand": {"{{ brand.legal | raw }}", `:1:1: brand.legal holds onclick, and a mail cannot`},
		"script in quotes":     {`{{ brand.half | default: "<iframe>" | raw }}`, `:1:1: the text holds <iframe>, and a mail cannot`},
		"script in two parts":  {`{{ brand.half | raw }}{{ brand.rest | raw }}`, `templates/receipt.html: the mail, once it is put together, holds <script>; take it out`},
		"refresh":              {`<meta http-equiv=" Refresh" content="0;url=https://a.example/">`, `:1:1: a mail cannot hold <meta http-equiv="refresh">`},
		"picture of a style":   {"a\n<p style=\"color:red;background: URL( '{{ customer.x }}')\">", `templates/receipt.html:2:39: an output cannot stand in url( … ) of a style; show the picture with <img`},
		"url in entities":      {`<p style="background:url&#40;{{ customer.x }})">`, `an output cannot stand in url(`},
		"straddling":           {`<p title="{% if customer.x %}a">{% endif %}</p>`, `stand in different parts of the HTML`},
		"straddling quote":     {`<p title={% if customer.x %}"a"{% endif %} {% if customer.y %}class="{% endif %}"></p>`, `stand in different parts of the HTML`},
		"script address":       {"one\n<a href=\"javascript:alert(1)\">x</a>", `templates/receipt.html:2:10: href holds an address that is not http, https, mailto or tel`},
		"relative address":     {`<img src="logo.png">`, `src holds an address without https://`},
		"relative in parts":    {"a\n <a href=\"{{ customer.x | default: '/basket' }}\">x</a>", `templates/receipt.html:2:11: href holds an address without https://`},
		"cid as a link":        {`<a href="cid:x">x</a>`, `href cannot hold a cid address`},
		"content":              {"{{ content }}", `content belongs into a layout`},
		"private characters":   {"a\uf8f0b", "U+F8F0"},
		"filter arity":         {"{{ customer.first_name | truncate: 1, 'x', 'y' }}", `templates/receipt.html:1: filter truncate`},
		"money of a text":      {"a\nb{{ customer.first_name | money }}", `templates/receipt.html:2: filter money: needs a number`},
		"cycle":                {"{% cycle customer.x %}", `cycle takes texts in quotes`},
		"for":                  {"{% for x of y %}{% endfor %}", `not a loop`},
		"capture":              {"{% capture %}{% endcapture %}", `capture takes one name`},
		"percent in quotes":    {`{% if customer.x == "%}" %}{% endif %}`, `%} cannot stand within a tag`},
	} {
		t.Run(name, func(t *testing.T) {
			problems := problemsOf(t, c.src)
			for _, p := range problems {
				if strings.Contains(p.String(), c.want) && !p.Warning {
					return
				}
			}
			t.Errorf("no problem with %q among %v", c.want, problems)
		})
	}
}

func TestNoProblems(t *testing.T) {
	for name, src := range map[string]string{
		"members of data":   "{{ customer.anything | default: '' }}{{ trigger.a.b | default: 1 }}{% if cart.products.first.name %}{% endif %}",
		"loop":              "{% for p in trigger.products limit: 3 offset:1 reversed %}{{ p.name }}{{ forloop.index }}{% if forloop.last %}{% break %}{% endif %}{% endfor %}",
		"assigned":          "{% assign a = trigger.total | times: 2 %}{{ a }}{% capture b %}<b>{{ a }}</b>{% endcapture %}{{ b }}",
		"case":              "{% case locale %}{% when 'he', 'ar' %}x{% when 'de' %}y{% else %}z{% endcase %}",
		"raw and comment":   "{% raw %}{{ nothing }}{% endraw %}{% comment %}{{ nothing | nix }} {% if %}{% endcomment %}{%# nothing %}",
		"conditional attr":  `<p {% if customer.x %}class="a"{% endif %} title="{% if customer.x %}b{% else %}c{% endif %}">x</p>`,
		"many lines":        "{{\n  customer.x\n  | default: 'a'\n}}{% if customer.x\n  == 'b' %}{% endif %}",
		"brackets in quote": `{{ customer.x | default: "}} {% x %}" }}`,
		"anchors":           `<a href="#top">a</a><a href="tel:+301">b</a><a href="#n">c</a><p id="n">d</p><img src="cid:logo" alt="">` + strings.Repeat("many words ", 10),
		"not Liquid":        "{ {a} } % } a}} %}",
		"style attribute":   `<p style="color: {{ brand.colour }}">x</p><p style="background:url(https://a.example/x.png);color:{{ customer.x | default: 'red' }};background:url({{ brand.site }}/y.png)">x</p>`,
		"drawn for Outlook": `<!--[if mso]><style>v\:* { behavior:url(#default#VML); }</style><![endif]--><p style="scroll-behavior: smooth" data-on="x">only words</p>`,
		"ticked":            `<!--[if !mso]><!--><input type="radio" name="a"><input type="checkbox"><!--<![endif]--><!--[if mso]><style>p { color: red }</style><![endif]--><meta http-equiv="x-ua-compatible" content="IE=edge">`,
	} {
		t.Run(name, func(t *testing.T) {
			if problems := problemsOf(t, src+" words"); len(problems) > 0 {
				t.Errorf("problems: %v", problems)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	for src, want := range map[string]string{
		"{% if true or customer.x and customer.y %}{% endif %}x": "read from left to right",
		`<a href="https://a.example/?q={{ customer.x }}">x</a>`:  "is encoded by itself; write {{ customer.x | url_encode }}",
	} {
		r, problems := Compile(bare(t, src))
		if r == nil || len(problems) != 1 || !problems[0].Warning || !strings.Contains(problems[0].String(), want) {
			t.Errorf("%s: %v", src, problems)
		}
	}
}

func TestWorkspaceProblems(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*campaign.Catalog)
		want   string
	}{
		"no unsubscribe": {func(c *campaign.Catalog) {
			c.Layouts["base"][""].Source = "<html><body>{{ content }}{{ brand.address }}</body></html>"
		}, "templates/cart-reminder.html:1:1: a marketing mail must hold a link to unsubscribe"},
		"no postal address": {func(c *campaign.Catalog) {
			c.Layouts["base"][""].Source = `<html><body>{{ content }}<a href="{{ links.unsubscribe }}">x</a></body></html>`
		}, "a marketing mail must hold the sender's postal address"},
		"layout without content": {func(c *campaign.Catalog) {
			c.Layouts["base"][""].Source = "<html></html>"
		}, "templates/layouts/base.html: a layout prints its mail once"},
		"no layout": {func(c *campaign.Catalog) {
			c.Templates["receipt"][""].Layout = "bsae"
		}, "templates/receipt.html: no layout bsae; did you mean base?"},
		"subject syntax": {func(c *campaign.Catalog) {
			c.Campaigns[1].Source = "name: x\nsteps:\n  - send: receipt\n    subject: \"{{ oder.order_id }}\""
			c.Campaigns[1].Steps[0].Send.Subject = campaign.Plain("{{ oder.order_id }}")
		}, `campaigns/receipt.yaml:4:1: unknown variable "oder"; did you mean order?`},
		"subject of a subject": {func(c *campaign.Catalog) {
			c.Templates["receipt"][""].Subject = campaign.Plain("{{ subject }}")
		}, "subject cannot stand in a subject"},
		"no subject": {func(c *campaign.Catalog) {
			c.Templates["receipt"][""].Subject = nil
		}, "mail receipt has no subject"},
		"unclosed preheader": {func(c *campaign.Catalog) {
			c.Templates["receipt"][""].Preheader = campaign.Plain("{{ order.id")
		}, "unclosed {{"},
		"partial of itself": {func(c *campaign.Catalog) {
			c.Partials["button"].Source = `{% render "button", url: url, label: label %}`
		}, "partial button calls itself"},
		"unpassed": {func(c *campaign.Catalog) {
			c.Partials["button"].Source = `{{ url }}{{ label }}{{ lable }}`
		}, `templates/partials/button.html:1:21: unknown variable "lable": no call of this partial passes it`},
		"sender": {func(c *campaign.Catalog) {
			c.Workspace.Senders["shop"] = campaign.Sender{From: "not an address"}
		}, "sender shop: not an email address"},
	} {
		t.Run(name, func(t *testing.T) {
			cat := shop(t)
			c.change(cat)
			r, problems := Compile(cat)
			if r != nil {
				t.Error("a renderer in spite of problems")
			}
			for _, p := range problems {
				if strings.Contains(p.String(), c.want) {
					return
				}
			}
			t.Errorf("no problem with %q among %v", c.want, problems)
		})
	}
}

// Front matter moves the source down; problems tell the file's own lines.
func TestLineOffset(t *testing.T) {
	cat := bare(t, "a\n{{ nothing }}")
	cat.Templates["receipt"][""].Line = 7
	_, problems := Compile(cat)
	if len(problems) != 1 || problems[0].Line != 8 {
		t.Errorf("problems: %v", problems)
	}
}

// What is lawful in HTML and bad in a mail.
func TestLint(t *testing.T) {
	long := strings.Repeat("long words ", 10)
	for name, c := range map[string]struct{ src, want string }{
		"dead anchor":      {"one\n<a href=\"#there\">x</a><a name=\"here\">", `warning: templates/receipt.html:2:10: a link leads to #there, and nothing has that id; write id="there" where it leads`},
		"link to nothing":  {`<a href="#">x</a>`, "warning: templates/receipt.html:1:10: a link leads nowhere"},
		"http link":        {`x <a href="http://a.example/">x</a>`, "warning: templates/receipt.html:1:12: href is not encrypted on its way; write https://"},
		"http picture":     {`x <img alt="" src="http://a.example/i.png">`, "src is not encrypted"},
		"alt":              {"x\n  <img src=\"https://a.example/i.png\">", `warning: templates/receipt.html:2:3: a picture has no alt text`},
		"wide":             {`x <img alt="" src="https://a.example/i.png" width="2400" height="10">`, "a picture is 2400 pixels wide"},
		"heavy":            {strings.Repeat(`x <img alt="" src="https://a.example/i.png" width="1200" height="900">`, 4), "the pictures have 4.3 million pixels"},
		"nearly a picture": {`x <img alt="Sale" src="https://a.example/i.png">`, "the mail is nearly all pictures"},
		"no text":          {"<style>p { color: red }</style>", "the mail says nothing: it has no text"},
		"mailchimp":        {"one\nHello *|FNAME|*", `templates/receipt.html:2:7: "*|FNAME|*" is a merge tag of another mailer`},
		"marketing cloud":  {"%%First Name%%", `"%%First Name%%" is a merge tag`},
		"handlebars":       {"{% raw %}{{{name}}}{% endraw %}", `"{{{" is a merge tag`},
		"erb":              {"<%= name %>", `"<%= n" is a merge tag`},
		"mailgun":          {"%recipient.name%", `"%recipient.name%" is a merge tag`},
		"shell":            {"${first_name}", `"${first_name}" is a merge tag`},
		"size":             {strings.Repeat("<p>"+long+"</p>", 1000), "templates/receipt.html: the mail has 114 kB of HTML, and Gmail cuts it off at 102"},
		"nearly the size":  {strings.Repeat("<p>"+long+"</p>", 720), "warning: templates/receipt.html: the mail has 82 kB of HTML"},
		"size by a loop":   {"{% for i in (1..900) %}<p>" + long + "</p>{% endfor %}", "the mail has 103 kB of HTML, and Gmail cuts it off"},
	} {
		t.Run(name, func(t *testing.T) {
			problems := problemsOf(t, c.src)
			var all strings.Builder
			for _, p := range problems {
				if p.Warning {
					all.WriteString("warning: ")
				}
				all.WriteString(p.String() + "\n")
			}
			if !strings.Contains("\n"+all.String(), "\n"+c.want) && !strings.Contains(all.String(), c.want) {
				t.Errorf("no %q in\n%s", c.want, all.String())
			}
		})
	}
	cat := bare(t, "x")
	cat.Templates["receipt"][""].Subject = campaign.Plain(strings.Repeat("many words ", 8))
	if _, problems := Compile(cat); len(problems) != 1 || !strings.Contains(problems[0].String(), "a subject has 87 characters") {
		t.Errorf("problems %v", problems)
	}
	cat.Templates["receipt"][""].Subject = campaign.Plain("{% if customer.vip %}For you{% endif %}")
	if _, problems := Compile(cat); len(problems) != 1 || !problems[0].Warning || !strings.Contains(problems[0].String(), "templates/receipt.html: a subject is empty; write what stands there") {
		t.Errorf("problems %v", problems)
	}
	cat.Templates["receipt"][""].Subject = campaign.Plain("Hi *|FNAME|*")
	if r, _ := Compile(cat); r != nil {
		t.Error("a merge tag in a subject passes")
	}
}

// Where tidings.yaml declares the attributes, a template can name no other; where it
// does not, only the data can tell.
func TestDeclaredAttributes(t *testing.T) {
	const body = "<p>{{ customer.first_name | default: 'a' }} {{ customer.id }} {{ customer.tags.size }} {{ customer.address.city | default: 'b' }}\n{% if customer.nam %}x{% endif %} {{ customer.orders.count | default: 1 }} and some words</p>"
	cat := bare(t, body)
	if r, problems := Compile(cat); r == nil || len(problems) > 0 {
		t.Errorf("none declared: %v", problems)
	}
	cat = bare(t, body)
	cat.Workspace.Attributes = map[string]campaign.AttributeType{"name": {Kind: campaign.Text}, "tags": {Kind: campaign.ListKind}, "address.city": {Kind: campaign.Text}}
	r, problems := Compile(cat)
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	want := `templates/receipt.html:2:1: unknown variable "customer.nam"; did you mean customer.name? Else declare it in tidings.yaml under attributes
templates/receipt.html:2:35: customer.orders.count is worked out for conditions, and mails do not have it; branch by it in the campaign, and send a template of its own`
	if r != nil || strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}
