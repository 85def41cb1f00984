package styles

import (
	"math"
	"testing"
)

// vision is how an eye sees linear-light sRGB: a 3×3 matrix.
type vision [3][3]float64

// The eyes: Machado, Oliveira & Fernandes 2009, table for severity 1.0; grey is the luminance of IEC 61966-2-1.
var (
	visions = map[string]vision{
		"normal": {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
		"protan": {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
		"deutan": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
		"tritan": {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
		"grey":   {{0.2126, 0.7152, 0.0722}, {0.2126, 0.7152, 0.0722}, {0.2126, 0.7152, 0.0722}},
	}
	coloured = []string{"normal", "protan", "deutan", "tritan"}
	every    = []string{"normal", "protan", "deutan", "tritan", "grey"}
)

// cielab is the CIE 1976 L*a*b* (D65) of a colour as the eye sees it.
func (v vision) cielab(hex string) (lab [3]float64) {
	rgb := linear(hex)
	var seen [3]float64
	for i, row := range v {
		seen[i] = min(max(row[0]*rgb[0]+row[1]*rgb[1]+row[2]*rgb[2], 0), 1)
	}
	f := func(x, y, z, white float64) float64 {
		t := (x*seen[0] + y*seen[1] + z*seen[2]) / white
		if t > 216.0/24389 {
			return math.Cbrt(t)
		}
		return (24389.0/27*t + 16) / 116
	}
	x := f(0.4124564, 0.3575761, 0.1804375, 0.95047)
	y := f(0.2126729, 0.7151522, 0.0721750, 1)
	z := f(0.0193339, 0.1191920, 0.9503041, 1.08883)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

// ciede2000 is the colour difference of Sharma, Wu & Dalal 2005, equations 2–22.
func ciede2000(p, q [3]float64) float64 {
	const rad = math.Pi / 180
	pow7 := func(c float64) float64 { return math.Sqrt(math.Pow(c, 7) / (math.Pow(c, 7) + math.Pow(25, 7))) }
	g := 0.5 * (1 - pow7((math.Hypot(p[1], p[2])+math.Hypot(q[1], q[2]))/2))
	a1, a2 := p[1]*(1+g), q[1]*(1+g)
	c1, c2 := math.Hypot(a1, p[2]), math.Hypot(a2, q[2])
	hue := func(b, a float64) float64 { return math.Mod(math.Atan2(b, a)/rad+360, 360) }
	h1, h2 := hue(p[2], a1), hue(q[2], a2)
	dh, hm := 0.0, h1+h2
	if c1*c2 != 0 {
		switch dh = h2 - h1; {
		case dh > 180:
			dh -= 360
		case dh < -180:
			dh += 360
		}
		if math.Abs(h1-h2) > 180 {
			hm += 360
		}
		hm = math.Mod(hm/2, 360)
	}
	lm, cm := (p[0]+q[0])/2, (c1+c2)/2
	t := 1 - 0.17*math.Cos((hm-30)*rad) + 0.24*math.Cos(2*hm*rad) + 0.32*math.Cos((3*hm+6)*rad) - 0.20*math.Cos((4*hm-63)*rad)
	dl := (q[0] - p[0]) / (1 + 0.015*(lm-50)*(lm-50)/math.Sqrt(20+(lm-50)*(lm-50)))
	dc := (c2 - c1) / (1 + 0.045*cm)
	dhh := 2 * math.Sqrt(c1*c2) * math.Sin(dh/2*rad) / (1 + 0.015*cm*t)
	rt := -2 * pow7(cm) * math.Sin(60*math.Exp(-math.Pow((hm-275)/25, 2))*rad)
	return math.Sqrt(dl*dl + dc*dc + dhh*dhh + rt*dc*dhh)
}

// worst is the least difference of two colours over the eyes.
func worst(a, b string, eyes []string) float64 {
	least := math.Inf(1)
	for _, eye := range eyes {
		least = min(least, ciede2000(visions[eye].cielab(a), visions[eye].cielab(b)))
	}
	return least
}

// contrast is the contrast ratio of WCAG 2.2.
func contrast(a, b string) float64 {
	luminance := func(hex string) float64 { c := linear(hex); return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2] }
	p, q := luminance(a), luminance(b)
	return (max(p, q) + 0.05) / (min(p, q) + 0.05)
}

// The published pairs of Sharma et al. 2005, table 1, that separate right from nearly right implementations.
func TestCIEDE2000AgainstPublishedPairs(t *testing.T) {
	for _, c := range []struct {
		p, q [3]float64
		want float64
	}{
		{[3]float64{50, 2.6772, -79.7751}, [3]float64{50, 0, -82.7485}, 2.0425},
		{[3]float64{50, -1.3802, -84.2814}, [3]float64{50, 0, -82.7485}, 1.0000},
		{[3]float64{50, 2.49, -0.001}, [3]float64{50, -2.49, 0.0009}, 7.1792},
		{[3]float64{50, -0.001, 2.49}, [3]float64{50, 0.0011, -2.49}, 4.7461},
		{[3]float64{50, 2.5, 0}, [3]float64{73, 25, -18}, 27.1492},
		{[3]float64{60.2574, -34.0099, 36.2677}, [3]float64{60.4626, -34.1751, 39.4387}, 1.2644},
		{[3]float64{22.7233, 20.0904, -46.6940}, [3]float64{23.0331, 14.9730, -42.5619}, 2.0373},
		{[3]float64{2.0776, 0.0795, -1.1350}, [3]float64{0.9033, -0.0636, -0.5514}, 0.9082},
	} {
		if got := ciede2000(c.p, c.q); math.Abs(got-c.want) > 0.00006 {
			t.Errorf("%v %v: %.4f, published %.4f", c.p, c.q, got, c.want)
		}
	}
}

func TestRampClassesStayApartForEveryEye(t *testing.T) {
	for _, theme := range Themes {
		for n, least := range map[int]float64{2: 11, 3: 11, 4: 11, 5: 11, 6: 11, 7: 9} {
			ramp := Ramp(theme, n)
			if len(ramp) != n {
				t.Fatalf("%s: %d colours for %d classes", theme, len(ramp), n)
			}
			for i := 1; i < n; i++ {
				if d := worst(ramp[i-1], ramp[i], every); d < least {
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
			if d := worst(p.zero, class, coloured); d < 10 {
				t.Errorf("%s: zero and class %s differ by %.1f", theme, class, d)
			}
			if d := worst(p.suppressed, class, coloured); d < 20 {
				t.Errorf("%s: suppressed and class %s differ by %.1f", theme, class, d)
			}
			if d := worst(p.zero, class, every); d < 4 {
				t.Errorf("%s: in grey zero and class %s differ by %.1f", theme, class, d)
			}
		}
		if d := worst(p.zero, p.suppressed, every); d < 11 {
			t.Errorf("%s: zero and suppressed differ by %.1f", theme, d)
		}
		if d := worst(p.zero, p.nothing, every); d < 4 {
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
				if d := worst(a.Color, b.Color, coloured); d < c.least {
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
			if got := contrast(c.a, c.b); got < c.least {
				t.Errorf("%s: %s has %.2f:1", theme, what, got)
			}
		}
		fills := append(Ramp(theme, 6), p.zero, p.suppressed, p.land, p.water)
		for _, c := range Statuses() {
			fills = append(fills, c.Color)
		}
		for _, fill := range fills {
			if max(contrast(fill, p.core), contrast(fill, p.casing)) < 3 {
				t.Errorf("%s: the selected outline does not stand out from %s", theme, fill)
			}
		}
	}
}
