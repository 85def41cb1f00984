// Package vision measures how far two colours are apart for the eyes that look at a map: usual ones, those of protanopes, deuteranopes and
// tritanopes, and a print in grey. It is pure and safe for concurrent use.
package vision

import (
	"math"
	"strconv"
)

// eye is how an eye sees linear-light sRGB: a 3×3 matrix.
type eye [3][3]float64

// The eyes: Machado, Oliveira & Fernandes 2009, table for severity 1.0; grey is the luminance of IEC 61966-2-1.
var (
	eyes = map[string]eye{
		"normal": {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
		"protan": {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
		"deutan": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
		"tritan": {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
		"grey":   {{0.2126, 0.7152, 0.0722}, {0.2126, 0.7152, 0.0722}, {0.2126, 0.7152, 0.0722}},
	}
	// Coloured is the eyes that see colours, Every one is those and a print in grey.
	Coloured = []string{"normal", "protan", "deutan", "tritan"}
	Every    = []string{"normal", "protan", "deutan", "tritan", "grey"}
)

// cielab is the CIE 1976 L*a*b* (D65) of a colour as the eye sees it.
func (v eye) cielab(hex string) (lab [3]float64) {
	rgb := Linear(hex)
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

// Worst is the least difference (CIEDE2000) of two colours "#rrggbb" over the eyes, some of [Every].
func Worst(a, b string, of []string) float64 {
	least := math.Inf(1)
	for _, name := range of {
		least = min(least, ciede2000(eyes[name].cielab(a), eyes[name].cielab(b)))
	}
	return least
}

// Contrast is the contrast ratio of WCAG 2.2.
func Contrast(a, b string) float64 {
	luminance := func(hex string) float64 { c := Linear(hex); return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2] }
	p, q := luminance(a), luminance(b)
	return (max(p, q) + 0.05) / (min(p, q) + 0.05)
}

// Linear is the linear-light sRGB of "#rrggbb", each 0…1 (IEC 61966-2-1); another text is black.
func Linear(hex string) (rgb [3]float64) {
	if len(hex) < 7 {
		return rgb
	}
	for i := range rgb {
		v, _ := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		c := float64(v) / 255
		if c <= 0.04045 {
			rgb[i] = c / 12.92
		} else {
			rgb[i] = math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return rgb
}
