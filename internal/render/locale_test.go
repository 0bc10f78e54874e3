package render

import (
	"strings"
	"testing"
	"time"
)

// Dates and numbers are those of the language, and of the country where it has its
// own: the third of December is no twelfth of March.
func TestLocaleForms(t *testing.T) {
	st := &state{zone: time.UTC}
	for locale, want := range map[string][6]string{
		"en":         {"12/3/26", "Dec 3, 2026", "December 3, 2026", "3:04 PM", "1,234.5", "16%"},
		"en-US":      {"12/3/26", "Dec 3, 2026", "December 3, 2026", "3:04 PM", "1,234.5", "16%"},
		"en-GB":      {"03/12/2026", "3 Dec 2026", "3 December 2026", "15:04", "1,234.5", "16%"},
		"en_AU":      {"3/12/26", "3 Dec 2026", "3 December 2026", "3:04" + nnbsp + "pm", "1,234.5", "16%"},
		"es":         {"3/12/26", "3 dic 2026", "3 de diciembre de 2026", "15:04", "1234,5", "16" + nbsp + "%"},
		"es-PE":      {"3/12/26", "3 dic. 2026", "3 de diciembre de 2026", "3:04" + nnbsp + "p." + nnbsp + "m.", "1,234.5", "16%"},
		"en-gb":      {"03/12/2026", "3 Dec 2026", "3 December 2026", "15:04", "1,234.5", "16%"},
		"en-MT":      {"03/12/2026", "3 Dec 2026", "3 December 2026", "3:04" + nnbsp + "pm", "1,234.5", "16%"},
		"en-PR":      {"12/3/26", "Dec 3, 2026", "December 3, 2026", "3:04 PM", "1,234.5", "16%"},
		"pt-MZ":      {"03/12/26", "03/12/2026", "3 de dezembro de 2026", "15:04", "1234,5", "16%"},
		"sr-Latn-RS": {"3. 12. 2026.", "3. 12. 2026.", "3. decembar 2026.", "15:04", "1.234,5", "16%"},
		"pt-BR":      {"03/12/2026", "3 de dez. de 2026", "3 de dezembro de 2026", "15:04", "1.234,5", "16%"},
		"pl":         {"3.12.2026", "3 gru 2026", "3 grudnia 2026", "15:04", "1234,5", "16%"},
		"fr":         {"03/12/2026", "3 déc. 2026", "3 décembre 2026", "15:04", "1" + nnbsp + "234,5", "16" + nbsp + "%"},
		"de":         {"03.12.26", "03.12.2026", "3. Dezember 2026", "15:04", "1.234,5", "16" + nbsp + "%"},
		"tr":         {"3.12.2026", "3 Ara 2026", "3 Aralık 2026", "15:04", "1.234,5", "%16"},
		"ja":         {"2026/12/03", "2026/12/03", "2026年12月3日", "15:04", "1,234.5", "16%"},
		"ko":         {"26. 12. 3.", "2026. 12. 3.", "2026년 12월 3일", "PM 3:04", "1,234.5", "16%"},
		"no":         {"03.12.2026", "3. des. 2026", "3. desember 2026", "15:04", "1" + nbsp + "234,5", "16" + nbsp + "%"},
		"he":         {"3.12.2026", "3 דצמ׳ 2026", "3 בדצמבר 2026", "15:04", "1,234.5", "16%"},
		"zz-ZZ":      {"12/3/26", "Dec 3, 2026", "December 3, 2026", "3:04 PM", "1,234.5", "16%"},
	} {
		st.locale = locale
		var got [6]string
		for i, form := range []string{"short", "medium", "long", "time"} {
			v, err := dateFilter("2026-12-03T15:04:00Z", form, st)
			if err != nil {
				t.Fatal(err)
			}
			got[i] = v.(string)
		}
		n, err := numberFilter(1234.5, st)
		if err != nil {
			t.Fatal(err)
		}
		p, err := percentFilter(0.155, st)
		if err != nil {
			t.Fatal(err)
		}
		got[4], got[5] = n.(string), p.(string)
		if got != want {
			t.Errorf("%s: got %q\nwant %q", locale, got, want)
		}
	}
}

// check says so where a language would be written as English.
func TestForeignForms(t *testing.T) {
	cat := bare(t, "words")
	cat.Workspace.Locales = []string{"en-GB", "es-PE", "nn", "am"}
	_, problems := Compile(cat)
	var told []string
	for _, p := range problems {
		if strings.Contains(p.Message, "as in English") {
			told = append(told, p.String())
		}
	}
	if len(told) != 1 || !strings.Contains(told[0], "tidings.yaml: dates, numbers and amounts in am are written") {
		t.Errorf("told %q", told)
	}
}
