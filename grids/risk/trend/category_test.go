package trend

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// code is the machine code of a category as the cases write it.
func code(words string) Category { return Category(strings.ReplaceAll(words, " ", "-")) }

// bins reads a row of H, C and dots.
func bins(letters string) []Level {
	out := make([]Level, len(letters))
	for i, l := range letters {
		out[i] = map[rune]Level{'H': Hot, 'C': Cold}[l]
	}
	return out
}

func TestCaseDecisionTable(t *testing.T) {
	rows := table(t, "c19_ehsa_decision_table/expected.csv")
	if len(rows) != 46 {
		t.Fatalf("%d rows", len(rows))
	}
	reached := map[Category]bool{}
	for _, r := range rows {
		trend := map[string]int{"0": 0, "+": 1, "-": -1}[r["trend"]]
		if got := Classify(bins(r["bins_oldest_to_newest"]), trend, false); got != code(r["category"]) {
			t.Errorf("%s %s: %s, want %s", r["bins_oldest_to_newest"], r["trend"], got, r["category"])
		}
		reached[code(r["category"])] = true
	}
	for _, c := range Categories() {
		if !reached[c] {
			t.Errorf("the table has no %s", c)
		}
	}
	if len(reached) != 17 || len(Categories()) != 17 {
		t.Errorf("%d categories, %d in the table", len(Categories()), len(reached))
	}
}

// What the order of the sentences decides, and where the shares lie.
func TestClassifyPrecedence(t *testing.T) {
	for _, tt := range []struct {
		bins  string
		trend int
		final bool
		want  Category
	}{
		{"", 0, false, NoPattern},
		{"H", 0, false, PersistentHot},
		{"HHHHHHHHHC", 0, false, PersistentHot},
		{"HHHHHHHHHC", 1, false, HistoricalHot},
		{"HHHHHHHH..", 1, false, SporadicHot}, // 80 %
		{"H.H.......", 0, true, NoPattern},
		{"H.H......H", 0, true, SporadicHot},
		{"..........HHHHHHHHHHHHHHHHHHHHHHHHHH", 1, false, ConsecutiveHot},
		{".HHHHHHHHHHHHHHHHHHH", 0, false, PersistentHot},   // 19 of 20
		{"..HHHHHHHHHHHHHHHHHH", 0, false, PersistentHot},   // 18 of 20: 90 % is enough
		{"...HHHHHHHHHHHHHHHHH", 0, false, ConsecutiveHot},  // 17 of 20
		{"..HHHHHHHHHHHHHHHHH", 0, false, ConsecutiveHot},   // 17 of 19 is 89.5 %
		{"C........H", 1, false, OscillatingHot},            // rather than new
		{"C.......HH", 1, false, OscillatingHot},            // rather than consecutive
		{"CCCCCCCCCH", 0, false, PersistentCold},            // rather than oscillating
		{"C..H......", 0, false, NoPattern},                 // both, and the last neither
		{"HHHHHHHHHHHHHHHHHH..", -1, false, HistoricalHot},  // 18 of 20
		{"CCCCCCCCCCCCCCCCCCCC", 1, false, DiminishingCold}, // z rises to 0
	} {
		if got := Classify(bins(tt.bins), tt.trend, tt.final); got != tt.want {
			t.Errorf("%s %d: %s, want %s", tt.bins, tt.trend, got, tt.want)
		}
	}
}

func TestClassifyMirrors(t *testing.T) {
	letters := rapid.SliceOfN(rapid.SampledFrom([]Level{Hot, Hot, Cold, Neither}), 0, 12)
	mostly := rapid.Custom(func(t *rapid.T) []Level {
		side := rapid.SampledFrom([]Level{Hot, Cold}).Draw(t, "side")
		out := slices.Repeat([]Level{side}, 10)
		out[rapid.IntRange(0, 9).Draw(t, "at")] = rapid.SampledFrom([]Level{Hot, Cold, Neither}).Draw(t, "other")
		return out
	})
	late := rapid.Custom(func(t *rapid.T) []Level {
		out := make([]Level, 10)
		for i := range rapid.IntRange(1, 4).Draw(t, "run") {
			out[9-i] = Cold
		}
		return out
	})
	rapid.Check(t, func(t *rapid.T) {
		b, trend, final := rapid.OneOf(letters, mostly, late).Draw(t, "bins"), rapid.IntRange(-1, 1).Draw(t, "trend"), rapid.Bool().Draw(t, "final")
		got := Classify(b, trend, final)
		mirror := slices.Clone(b)
		for i := range mirror {
			mirror[i] = -mirror[i]
		}
		want := Category(strings.NewReplacer("hot", "cold", "cold", "hot").Replace(string(got)))
		if back := Classify(mirror, -trend, final); back != want || !slices.Contains(Categories(), got) {
			t.Fatalf("%v %d: %s, mirrored %s", b, trend, got, back)
		}
	})
}
