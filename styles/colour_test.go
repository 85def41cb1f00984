package styles

import (
	"testing"

	"wangge/styles/vision"
)

func TestRampClassesStayApartForEveryEye(t *testing.T) {
	for _, theme := range Themes {
		for n, least := range map[int]float64{2: 11, 3: 11, 4: 11, 5: 11, 6: 11, 7: 9} {
			ramp := Ramp(theme, n)
			if len(ramp) != n {
				t.Fatalf("%s: %d colours for %d classes", theme, len(ramp), n)
			}
			for i := 1; i < n; i++ {
				if d := vision.Worst(ramp[i-1], ramp[i], vision.Every); d < least {
					t.Errorf("%s, %d classes: %s and %s differ by %.2f only", theme, n, ramp[i-1], ramp[i], d)
				}
			}
		}
	}
	if got := len(Ramp(Light, 0)) + len(Ramp(Light, -3)); got != 0 {
		t.Errorf("no classes need no colours, got %d", got)
	}
	if Ramp(Light, 2)[0] != "#fff7d2" || Ramp(Light, 2)[1] != "#311c29" || len(Ramp(Dark, 1)) != 1 {
		t.Errorf("two classes take the ends, one takes the middle: %v %v", Ramp(Light, 2), Ramp(Dark, 1))
	}
}

func TestRampIsOrderedByLightness(t *testing.T) {
	for _, theme := range Themes {
		for n := 2; n <= MaxClasses; n++ {
			ramp := Ramp(theme, n)
			for i := 1; i < n; i++ {
				up := toOklab(ramp[i])[0] > toOklab(ramp[i-1])[0]
				if up != (theme == Dark) {
					t.Errorf("%s: %s after %s goes the wrong way", theme, ramp[i], ramp[i-1])
				}
			}
		}
	}
}

func TestOklabRoundTrip(t *testing.T) {
	for _, hex := range []string{"#000000", "#ffffff", "#006bd3", "#d0814a", "#3e0044"} {
		if got := fromOklab(toOklab(hex)); got != hex {
			t.Errorf("%s came back as %s", hex, got)
		}
	}
}

// Zero and suppressed are plain colours below a possible pattern: they must not be taken for a class or each other.
func TestSpecialColoursAreNoClass(t *testing.T) {
	for _, theme := range Themes {
		p := paletteOf(theme)
		for _, class := range Ramp(theme, 6) {
			if d := vision.Worst(p.zero, class, vision.Coloured); d < 10 {
				t.Errorf("%s: zero and class %s differ by %.1f", theme, class, d)
			}
			if d := vision.Worst(p.suppressed, class, vision.Coloured); d < 20 {
				t.Errorf("%s: suppressed and class %s differ by %.1f", theme, class, d)
			}
			if d := vision.Worst(p.zero, class, vision.Every); d < 4 {
				t.Errorf("%s: in grey zero and class %s differ by %.1f", theme, class, d)
			}
		}
		if d := vision.Worst(p.zero, p.suppressed, vision.Every); d < 11 {
			t.Errorf("%s: zero and suppressed differ by %.1f", theme, d)
		}
		if d := vision.Worst(p.zero, p.nothing, vision.Every); d < 4 {
			t.Errorf("%s: zero and no data differ by %.1f", theme, d)
		}
	}
}

func TestCategoryColoursStayApart(t *testing.T) {
	for name, c := range map[string]struct {
		of    []Category
		least float64
	}{"status": {Statuses(), 15}, "finding": {FindingStates(), 20}} {
		for i, a := range c.of {
			for _, b := range c.of[:i] {
				if d := vision.Worst(a.Color, b.Color, vision.Coloured); d < c.least {
					t.Errorf("%s %s and %s differ by %.1f", name, a.ID, b.ID, d)
				}
			}
		}
	}
}

func TestTextAndLineContrast(t *testing.T) {
	for _, theme := range Themes {
		p := paletteOf(theme)
		for what, c := range map[string]struct {
			a, b  string
			least float64
		}{
			"text on its halo": {p.text, p.halo, 4.5}, "text on land": {p.text, p.land, 4.5}, "text on water": {p.text, p.water, 4.5},
			"border on land": {p.line, p.land, 3}, "border on water": {p.line, p.water, 3}, "thin border on land": {p.line2, p.land, 3},
			"plot's outline on land": {p.plot, p.land, 3}, "outline core on casing": {p.core, p.casing, 4.5},
		} {
			if got := vision.Contrast(c.a, c.b); got < c.least {
				t.Errorf("%s: %s has %.2f:1", theme, what, got)
			}
		}
		fills := append(Ramp(theme, 6), p.zero, p.suppressed, p.land, p.water)
		for _, c := range Statuses() {
			fills = append(fills, c.Color)
		}
		for _, fill := range fills {
			if max(vision.Contrast(fill, p.core), vision.Contrast(fill, p.casing)) < 3 {
				t.Errorf("%s: the selected outline does not stand out from %s", theme, fill)
			}
		}
	}
}
