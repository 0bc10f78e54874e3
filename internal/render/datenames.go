package render

import "strings"

func list12(s string) (out [12]string) { copy(out[:], strings.Fields(s)); return }

func list7(s string) (out [7]string) {
	for i, w := range strings.Fields(s) {
		out[i] = strings.ReplaceAll(w, "_", " ")
	}
	return
}

// The names are those of the Unicode CLDR's Gregorian calendar, in the form that goes
// with a day. The tables are written once and only read.
var (
	namesEn = dateNames{
		list12("January February March April May June July August September October November December"),
		list12("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
		list7("Sunday Monday Tuesday Wednesday Thursday Friday Saturday"),
		list7("Sun Mon Tue Wed Thu Fri Sat"), "am", "pm",
	}
	namesFil = dateNames{
		list12("Enero Pebrero Marso Abril Mayo Hunyo Hulyo Agosto Setyembre Oktubre Nobyembre Disyembre"),
		list12("Ene Peb Mar Abr May Hun Hul Ago Set Okt Nob Dis"),
		list7("Linggo Lunes Martes Miyerkules Huwebes Biyernes Sabado"),
		list7("Lin Lun Mar Miy Huw Biy Sab"), "am", "pm",
	}
	namesHe = dateNames{
		list12("ינואר פברואר מרץ אפריל מאי יוני יולי אוגוסט ספטמבר אוקטובר נובמבר דצמבר"),
		list12("ינו׳ פבר׳ מרץ אפר׳ מאי יוני יולי אוג׳ ספט׳ אוק׳ נוב׳ דצמ׳"),
		list7("יום_ראשון יום_שני יום_שלישי יום_רביעי יום_חמישי יום_שישי יום_שבת"),
		list7("יום_א׳ יום_ב׳ יום_ג׳ יום_ד׳ יום_ה׳ יום_ו׳ שבת"), "לפנה״צ", "אחה״צ",
	}
	namesHy = dateNames{
		list12("հունվարի փետրվարի մարտի ապրիլի մայիսի հունիսի հուլիսի օգոստոսի սեպտեմբերի հոկտեմբերի նոյեմբերի դեկտեմբերի"),
		list12("հնվ փտվ մրտ ապր մյս հնս հլս օգս սեպ հոկ նոյ դեկ"),
		list7("կիրակի երկուշաբթի երեքշաբթի չորեքշաբթի հինգշաբթի ուրբաթ շաբաթ"),
		list7("կիր երկ երք չրք հնգ ուր շբթ"), "am", "pm",
	}
	namesEl = dateNames{
		list12("Ιανουαρίου Φεβρουαρίου Μαρτίου Απριλίου Μαΐου Ιουνίου Ιουλίου Αυγούστου Σεπτεμβρίου Οκτωβρίου Νοεμβρίου Δεκεμβρίου"),
		list12("Ιαν Φεβ Μαρ Απρ Μαΐ Ιουν Ιουλ Αυγ Σεπ Οκτ Νοε Δεκ"),
		list7("Κυριακή Δευτέρα Τρίτη Τετάρτη Πέμπτη Παρασκευή Σάββατο"),
		list7("Κυρ Δευ Τρί Τετ Πέμ Παρ Σάβ"), "π.μ.", "μ.μ.",
	}
	namesMs = dateNames{
		list12("Januari Februari Mac April Mei Jun Julai Ogos September Oktober November Disember"),
		list12("Jan Feb Mac Apr Mei Jun Jul Ogo Sep Okt Nov Dis"),
		list7("Ahad Isnin Selasa Rabu Khamis Jumaat Sabtu"),
		list7("Ahd Isn Sel Rab Kha Jum Sab"), "pg", "ptg",
	}
)
