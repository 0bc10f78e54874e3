package mjml

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// realTemplates are Mailjet's public templates, which are of MJML 3; there are none
// where the data is not at hand.
func realTemplates(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../../shared/data/templates/mailjet-samples/*/*/*.mjml")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// As they are, they are refused like by the reference, which names these lines.
func TestRealTemplatesAreRefusedLikeByReference(t *testing.T) {
	lines := map[string][]int{
		"receipt":        {4, 19, 90, 156, 193},
		"abandoned_cart": {5, 23, 25, 26, 29, 30, 38, 39, 40, 41, 42, 55, 75, 126, 158, 188},
		"digest":         {5, 26, 34, 123, 153},
		"welcome":        {5, 40, 42, 43, 46, 47, 55, 56, 57, 58, 59, 81, 97, 100, 105, 108, 158, 188},
	}
	for _, file := range realTemplates(t) {
		name := filepath.Base(filepath.Dir(file))
		html, problems := compileFile(t, file)
		if html != nil || len(problems) == 0 {
			t.Errorf("%s is of MJML 3 and was compiled", name)
		}
		var told []int
		for _, p := range problems {
			told = append(told, p.Line)
		}
		for _, line := range lines[name] {
			// The reference names the line of the element, we that of the attribute.
			near := slices.ContainsFunc(told, func(l int) bool { return l >= line && l <= line+18 })
			if !near {
				t.Errorf("%s:%d: the reference refuses it, we tell of %v", name, line, told)
			}
		}
	}
}

// ported writes the real templates in today's MJML into a folder.
func ported(t *testing.T, folder string) []string {
	var files []string
	for _, file := range realTemplates(t) {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		file = filepath.Join(folder, filepath.Base(filepath.Dir(file))+".mjml")
		if err := os.WriteFile(file, []byte(today(string(src))), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func TestRealTemplatesInTodaysMJMLCompile(t *testing.T) {
	for _, file := range ported(t, t.TempDir()) {
		if _, problems := compileFile(t, file); len(problems) > 0 {
			t.Errorf("%s: %v", file, problems)
		}
	}
}

var (
	container  = regexp.MustCompile(`</?mj-(container|hero-content)[^>]*>`)
	bareSize   = regexp.MustCompile(`font-size="(\d+)"`)
	valign     = regexp.MustCompile(`(<mj-section[^>]*?)\s+vertical-align="\w+"`)
	hackColor  = regexp.MustCompile(`container-background-color="(left|right)"`)
	outer      = regexp.MustCompile(`(?s)<mj-section(\s+padding-top="100px".*?)\n      </mj-section>`)
	socialTag  = regexp.MustCompile(`(?s)<mj-social\b(.*?)/>`)
	plainAttr  = regexp.MustCompile(`([\w-]+)="([^"]*)"`)
	outerNames = strings.NewReplacer("<mj-inline-links", "<mj-navbar", "</mj-inline-links", "</mj-navbar", "<mj-link", "<mj-navbar-link", "</mj-link", "</mj-navbar-link",
		"<mj-navbar", "<mj-section", "</mj-navbar", "</mj-section")
)

// today writes a template of MJML 3 in today's MJML.
func today(src string) string {
	src = outerNames.Replace(src)
	src = container.ReplaceAllString(src, "")
	src = bareSize.ReplaceAllString(src, `font-size="${1}px"`)
	src = valign.ReplaceAllString(src, "$1")
	src = hackColor.ReplaceAllString(src, "")
	src = outer.ReplaceAllString(src, "<mj-wrapper$1\n      </mj-wrapper>")
	return socialTag.ReplaceAllStringFunc(src, todaysSocial)
}

// todaysSocial makes elements of a social bar's attributes.
func todaysSocial(tag string) string {
	values := map[string]string{}
	var kept, order []string
	for _, a := range plainAttr.FindAllStringSubmatch(tag, -1) {
		values[a[1]] = a[2]
		switch {
		case a[1] == "display":
			order = strings.Fields(a[2])
		case !strings.HasPrefix(a[1], "my-"):
			kept = append(kept, a[0])
		}
	}
	var elements []string
	for _, name := range order {
		elements = append(elements, fmt.Sprintf(`<mj-social-element src="%s" href="%s" background-color="%s">%s</mj-social-element>`,
			values[name+"-icon"], values[name+"-href"], values[name+"-icon-color"], values[name+"-content"]))
	}
	return "<mj-social " + strings.Join(kept, " ") + ">" + strings.Join(elements, "\n") + "</mj-social>"
}
