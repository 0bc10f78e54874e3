package web

import (
	"html/template"
	"strings"

	"golang.org/x/text/language"
)

// Texts is what the unsubscribe pages say in one language. {shop}, {topic} and
// {address} stand for the customer's own.
type Texts struct {
	Lang, Dir string // BCP 47, ltr or rtl

	Title, Intro, Pending         string
	OnlyTopic, Everything, Orders string
	Button                        string
	DoneTitle, DoneTopic, DoneAll string
	BadTitle, BadLink, Later      string
	GoneTitle, Gone               string // a mail that is shown no longer
}

// allTexts lists the languages, the one of last resort first.
func allTexts() []Texts {
	return []Texts{english(), filipino(), hebrew(), armenian(), greek(), malay()}
}

// textsFor picks the language: the customer's, else one that the browser asks
// for, else the workspace's first, else English.
func textsFor(locale, accept string, locales []string) Texts {
	all := allTexts()
	tags := make([]language.Tag, len(all))
	for i, t := range all {
		tags[i] = language.Make(t.Lang)
	}
	matcher := language.NewMatcher(tags)
	asked, _, _ := language.ParseAcceptLanguage(accept)
	wants := [][]language.Tag{{parseLocale(locale)}, asked}
	if len(locales) > 0 {
		wants = append(wants, []language.Tag{parseLocale(locales[0])})
	}
	for _, want := range wants {
		if _, i, confidence := matcher.Match(want...); confidence >= language.High {
			return all[i]
		}
	}
	return all[0]
}

// parseLocale reads he, he-IL and he_IL; what is none of these is undetermined.
func parseLocale(s string) language.Tag {
	t, err := language.Parse(s)
	if err != nil {
		return language.Und
	}
	return t
}

// Say fills in a text. Names and addresses keep their own direction.
func (v view) Say(text string) template.HTML {
	e := template.HTMLEscapeString
	return template.HTML(strings.NewReplacer(
		"{shop}", "<bdi>"+e(v.Shop)+"</bdi>",
		"{topic}", "<bdi>"+e(v.Topic)+"</bdi>",
		"{address}", `<bdi dir="ltr" class="address">`+e(v.Address)+"</bdi>",
	).Replace(e(text)))
}

func english() Texts {
	return Texts{
		Lang: "en", Dir: "ltr",
		Title:      "Unsubscribe",
		Intro:      "{shop} writes to {address}. What would you like to stop?",
		OnlyTopic:  "Only “{topic}”",
		Everything: "All news and offers from {shop}",
		Orders:     "Mails about your own orders still come.",
		Button:     "Unsubscribe",
		Pending:    "Nothing changes until you press the button.",
		DoneTitle:  "Done",
		DoneTopic:  "{address} gets no more mails about “{topic}” from {shop}.",
		DoneAll:    "{address} gets no more news and offers from {shop}.",
		BadTitle:   "This link does not work",
		BadLink:    "It may have been cut off when it was copied. Please open it from the mail again.",
		Later:      "This did not work just now. Please try again in a few minutes.",
		GoneTitle:  "This mail is no longer shown here",
		Gone:       "A mail can be opened in the browser for 30 days. The mail itself is still where you received it.",
	}
}

func filipino() Texts {
	return Texts{
		Lang: "fil", Dir: "ltr",
		Title:      "Mag-unsubscribe",
		Intro:      "Nagpapadala ang {shop} ng email sa {address}. Ano ang gusto mong itigil?",
		OnlyTopic:  "“{topic}” lang",
		Everything: "Lahat ng balita at alok mula sa {shop}",
		Orders:     "Patuloy na darating ang mga email tungkol sa iyong mga order.",
		Button:     "Mag-unsubscribe",
		Pending:    "Walang magbabago hangga’t hindi mo pinipindot ang button.",
		DoneTitle:  "Tapos na",
		DoneTopic:  "Hindi na makakatanggap ang {address} ng email tungkol sa “{topic}” mula sa {shop}.",
		DoneAll:    "Hindi na makakatanggap ang {address} ng balita at alok mula sa {shop}.",
		BadTitle:   "Hindi gumagana ang link na ito",
		BadLink:    "Baka naputol ito nang kopyahin. Pakibuksan itong muli mula sa email.",
		Later:      "Hindi ito natuloy ngayon. Pakisubukan muli pagkalipas ng ilang minuto.",
		GoneTitle:  "Hindi na ipinapakita rito ang email na ito",
		Gone:       "Maaaring buksan sa browser ang isang email sa loob ng 30 araw. Nasa inbox mo pa rin ang mismong email.",
	}
}

func hebrew() Texts {
	return Texts{
		Lang: "he", Dir: "rtl",
		Title:      "הסרה מרשימת התפוצה",
		Intro:      "מיילים מאת {shop} נשלחים אל {address}. מה תרצו להפסיק?",
		OnlyTopic:  "רק ״{topic}״",
		Everything: "כל החדשות וההצעות מאת {shop}",
		Orders:     "מיילים על ההזמנות שלכם ימשיכו להגיע.",
		Button:     "הסרה מהרשימה",
		Pending:    "שום דבר לא ישתנה עד שתלחצו על הכפתור.",
		DoneTitle:  "בוצע",
		DoneTopic:  "לא יישלחו עוד מיילים בנושא ״{topic}״ מאת {shop} אל {address}.",
		DoneAll:    "לא יישלחו עוד חדשות והצעות מאת {shop} אל {address}.",
		BadTitle:   "הקישור הזה אינו פועל",
		BadLink:    "ייתכן שנקטע בעת ההעתקה. פתחו אותו שוב מתוך המייל.",
		Later:      "הפעולה לא הצליחה כרגע. נסו שוב בעוד כמה דקות.",
		GoneTitle:  "המייל הזה כבר אינו מוצג כאן",
		Gone:       "אפשר לפתוח מייל בדפדפן במשך 30 יום. המייל עצמו עדיין נמצא בתיבה שבה התקבל.",
	}
}

func armenian() Texts {
	return Texts{
		Lang: "hy", Dir: "ltr",
		Title:      "Ապաբաժանորդագրվել",
		Intro:      "{shop} խանութը նամակներ է ուղարկում {address} հասցեին։ Ի՞նչը կցանկանայիք դադարեցնել։",
		OnlyTopic:  "Միայն «{topic}»",
		Everything: "{shop} խանութի բոլոր նորություններն ու առաջարկները",
		Orders:     "Ձեր պատվերների մասին նամակները կշարունակեն գալ։",
		Button:     "Ապաբաժանորդագրվել",
		Pending:    "Ոչինչ չի փոխվի, քանի դեռ չեք սեղմել կոճակը։",
		DoneTitle:  "Պատրաստ է",
		DoneTopic:  "{address} հասցեին «{topic}» թեմայով նամակներ {shop} խանութից այլևս չեն գա։",
		DoneAll:    "{address} հասցեին նորություններ և առաջարկներ {shop} խանութից այլևս չեն գա։",
		BadTitle:   "Այս հղումը չի աշխատում",
		BadLink:    "Հնարավոր է՝ պատճենելիս այն կտրվել է։ Խնդրում ենք կրկին բացել այն նամակից։",
		Later:      "Այս պահին չստացվեց։ Խնդրում ենք կրկին փորձել մի քանի րոպեից։",
		GoneTitle:  "Այս նամակն այլևս չի ցուցադրվում այստեղ",
		Gone:       "Նամակը դիտարկիչում կարելի է բացել 30 օրվա ընթացքում։ Բուն նամակը դեռ այնտեղ է, որտեղ ստացել եք այն։",
	}
}

func greek() Texts {
	return Texts{
		Lang: "el", Dir: "ltr",
		Title:      "Διαγραφή από τη λίστα",
		Intro:      "Το κατάστημα {shop} στέλνει μηνύματα στη διεύθυνση {address}. Τι θέλετε να σταματήσει;",
		OnlyTopic:  "Μόνο «{topic}»",
		Everything: "Όλα τα νέα και οι προσφορές από {shop}",
		Orders:     "Τα μηνύματα για τις παραγγελίες σας θα συνεχίσουν να έρχονται.",
		Button:     "Διαγραφή",
		Pending:    "Τίποτα δεν αλλάζει μέχρι να πατήσετε το κουμπί.",
		DoneTitle:  "Έγινε",
		DoneTopic:  "Η διεύθυνση {address} δεν θα λαμβάνει πλέον μηνύματα για «{topic}» από {shop}.",
		DoneAll:    "Η διεύθυνση {address} δεν θα λαμβάνει πλέον νέα και προσφορές από {shop}.",
		BadTitle:   "Αυτός ο σύνδεσμος δεν λειτουργεί",
		BadLink:    "Ίσως κόπηκε κατά την αντιγραφή. Ανοίξτε τον ξανά από το μήνυμα.",
		Later:      "Δεν ήταν δυνατό αυτή τη στιγμή. Δοκιμάστε ξανά σε λίγα λεπτά.",
		GoneTitle:  "Αυτό το μήνυμα δεν εμφανίζεται πλέον εδώ",
		Gone:       "Ένα μήνυμα ανοίγει στο πρόγραμμα περιήγησης για 30 ημέρες. Το ίδιο το μήνυμα βρίσκεται ακόμη εκεί όπου το λάβατε.",
	}
}

func malay() Texts {
	return Texts{
		Lang: "ms", Dir: "ltr",
		Title:      "Berhenti melanggan",
		Intro:      "{shop} menghantar e-mel kepada {address}. Apakah yang anda mahu hentikan?",
		OnlyTopic:  "“{topic}” sahaja",
		Everything: "Semua berita dan tawaran daripada {shop}",
		Orders:     "E-mel tentang pesanan anda tetap akan dihantar.",
		Button:     "Berhenti melanggan",
		Pending:    "Tiada apa-apa berubah sehingga anda menekan butang.",
		DoneTitle:  "Selesai",
		DoneTopic:  "{address} tidak akan menerima e-mel tentang “{topic}” lagi daripada {shop}.",
		DoneAll:    "{address} tidak akan menerima berita dan tawaran lagi daripada {shop}.",
		BadTitle:   "Pautan ini tidak berfungsi",
		BadLink:    "Mungkin ia terpotong semasa disalin. Sila buka semula daripada e-mel.",
		Later:      "Tidak berjaya buat masa ini. Sila cuba lagi dalam beberapa minit.",
		GoneTitle:  "E-mel ini tidak lagi dipaparkan di sini",
		Gone:       "E-mel boleh dibuka dalam pelayar selama 30 hari. E-mel itu sendiri masih ada di tempat anda menerimanya.",
	}
}
