package demo

import "strings"

// region is where made-up customers of a language live, and what they are called.
type region struct {
	locale, zone, country string
	weight                int // of 100
	first, last           []name
}

// name is a name as its bearer writes it, and in letters that an address takes.
type name struct{ own, plain string }

// regions are the shop's languages. Given and family names are common ones,
// thrown together by lot.
func regions() []region {
	return []region{
		{"en", "Europe/London", "GB", 38,
			names("Olivia Grace Florence Harriet Amelia Rosie Alice Martha Ivy Nora Arthur George Oscar Theo Jack Henry Samuel Owen Imran Daniel"),
			names("Brown Smith Patel Jones Taylor Roberts Khan Lewis Clarke Phillips Wilson Mason Mitchell Rose Davies Cox Walker Hughes Bell Ward")},
		{"fil", "Asia/Manila", "PH", 22,
			names("Althea Angela Maricel Jasmine Liza Corazon Rowena Bea Carmela Imelda Paolo Gabriel Angelo Jomar Rafael Nathan Ramon Emil Jericho Danilo"),
			names("Reyes Ramos Mendoza Santos Flores Bautista Villanueva Castillo Aquino Domingo Soriano Tolentino Mercado Navarro Manalo Dizon Salvador Velasco Miranda Javier")},
		{"el", "Europe/Athens", "GR", 11,
			names("Μαρία:maria Ελένη:eleni Αικατερίνη:katerina Βασιλική:vasiliki Σοφία:sofia Αγγελική:angeliki Δήμητρα:dimitra Γεωργία:georgia Γιώργος:giorgos Γιάννης:giannis Δημήτρης:dimitris Νίκος:nikos Παναγιώτης:panagiotis Χρήστος:christos"),
			names("Παπαδοπούλου:papadopoulou Σαμαρά:samara Κοντού:kontou Γεωργίου:georgiou Νικολάου:nikolaou Ιωάννου:ioannou Βασιλείου:vasileiou Αντωνίου:antoniou Δημητρίου:dimitriou Αθανασίου:athanasiou")},
		{"he", "Asia/Jerusalem", "IL", 11,
			names("נועה:noa תמר:tamar יעל:yael מיכל:michal שירה:shira מאיה:maya רונית:ronit אורית:orit דניאל:daniel איתי:itai יונתן:yonatan עומר:omer אורי:uri גיל:gil"),
			names("כהן:cohen לוי:levi מזרחי:mizrahi פרץ:peretz ביטון:biton דהן:dahan פרידמן:friedman מלכה:malka אזולאי:azoulay כץ:katz חדד:hadad סגל:segal גולן:golan שפירא:shapira")},
		{"hy", "Asia/Yerevan", "AM", 8,
			names("Անահիտ:anahit Գայանե:gayane Աննա:anna Լուսինե:lusine Նարինե:narine Լիլիթ:lilit Մարիամ:mariam Արմինե:armine Արմեն:armen Դավիթ:davit Տիգրան:tigran Նարեկ:narek Գևորգ:gevorg Հայկ:hayk"),
			names("Գրիգորյան:grigoryan Հարությունյան:harutyunyan Սարգսյան:sargsyan Հովհաննիսյան:hovhannisyan Խաչատրյան:khachatryan Հակոբյան:hakobyan Պետրոսյան:petrosyan Վարդանյան:vardanyan Կարապետյան:karapetyan Մկրտչյան:mkrtchyan")},
		{"ms", "Asia/Kuala_Lumpur", "MY", 10,
			names("Nur Nurul Aisyah Maryam Siti Farah Puteri Hana Ahmad Adam Amir Iman Harris Umar Hafiz Zul"),
			names("Rahman Ismail Abdullah Hassan Osman Yusof Karim Salleh Ibrahim Hamid Tan Lim Wong Lee")},
	}
}

func names(list string) []name {
	var out []name
	for _, n := range strings.Fields(list) {
		own, plain, other := strings.Cut(n, ":")
		if !other {
			plain = strings.ToLower(own)
		}
		out = append(out, name{own, plain})
	}
	return out
}
