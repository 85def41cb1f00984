package crs

import (
	"fmt"
	"math"

	"github.com/paulmach/orb"
)

// ellipsoid names one of the two figures of the earth in use.
type ellipsoid uint8

const (
	wgs84 ellipsoid = iota
	cgcs2000
)

const semiMajorM = 6378137 // of both ellipsoids

// flattening is f.
func (e ellipsoid) flattening() float64 {
	if e == cgcs2000 {
		return 1 / 298.257222101
	}
	return 1 / 298.257223563
}

// transverse are the parameters of a transverse Mercator on the northern hemisphere: central meridian in degrees,
// false easting and northing in metres, scale on the central meridian; the latitude of origin is 0.
type transverse struct {
	ellipsoid                                ellipsoid
	lon0, falseEasting, falseNorthing, scale float64
}

// String is the PROJ string.
func (t transverse) String() string {
	name := "WGS84"
	if t.ellipsoid == cgcs2000 {
		name = "GRS80"
	}
	return fmt.Sprintf("+proj=tmerc +lat_0=0 +lon_0=%v +k=%v +x_0=%.12g +y_0=%.12g +ellps=%s", t.lon0, t.scale, t.falseEasting, t.falseNorthing, name)
}

// krueger are the coefficients of the Krüger series to the sixth order in the third flattening n (C. F. F. Karney,
// "Transverse Mercator with an accuracy of a few nanometers", J. Geodesy 85, 2011, eqs. 14, 35 and 36), good to 5 nm
// within 3 900 km of the central meridian.
type krueger struct {
	eccentricity float64
	radiusM      float64    // of the rectifying sphere
	alpha, beta  [6]float64 // forward, inverse
}

// The two ellipsoids' coefficients; read only.
var series = [...]krueger{wgs84: newKrueger(wgs84), cgcs2000: newKrueger(cgcs2000)}

func newKrueger(e ellipsoid) krueger {
	f := e.flattening()
	n := f / (2 - f)
	n2 := n * n
	n3, n4, n5, n6 := n*n2, n2*n2, n*n2*n2, n2*n2*n2
	return krueger{
		eccentricity: math.Sqrt(f * (2 - f)),
		radiusM:      semiMajorM / (1 + n) * (1 + n2/4 + n4/64 + n6/256),
		alpha: [6]float64{
			n/2 - 2*n2/3 + 5*n3/16 + 41*n4/180 - 127*n5/288 + 7891*n6/37800,
			13*n2/48 - 3*n3/5 + 557*n4/1440 + 281*n5/630 - 1983433*n6/1935360,
			61*n3/240 - 103*n4/140 + 15061*n5/26880 + 167603*n6/181440,
			49561*n4/161280 - 179*n5/168 + 6601661*n6/7257600,
			34729*n5/80640 - 3418889*n6/1995840,
			212378941 * n6 / 319334400,
		},
		beta: [6]float64{
			n/2 - 2*n2/3 + 37*n3/96 - n4/360 - 81*n5/512 + 96199*n6/604800,
			n2/48 + n3/15 - 437*n4/1440 + 46*n5/105 - 1118711*n6/3870720,
			17*n3/480 - 37*n4/840 - 209*n5/4480 + 5569*n6/90720,
			4397*n4/161280 - 11*n5/504 - 830251*n6/7257600,
			4583*n5/161280 - 108847*n6/3991680,
			20648693 * n6 / 638668800,
		},
	}
}

// forward is the easting and northing in metres of a longitude and latitude in degrees (Karney eqs. 7-11).
func (t transverse) forward(p orb.Point) orb.Point {
	k := &series[t.ellipsoid]
	sinLon, cosLon := math.Sincos(radians(p[0] - t.lon0))
	tau := k.conformal(math.Tan(radians(p[1])))
	xi1 := math.Atan2(tau, cosLon)
	eta1 := math.Asinh(sinLon / math.Hypot(tau, cosLon))
	xi, eta := xi1, eta1
	for j, a := range k.alpha {
		m := float64(2 * (j + 1))
		sin, cos := math.Sincos(m * xi1)
		xi += a * sin * math.Cosh(m*eta1)
		eta += a * cos * math.Sinh(m*eta1)
	}
	r := t.scale * k.radiusM
	return orb.Point{t.falseEasting + r*eta, t.falseNorthing + r*xi}
}

// inverse is the longitude and latitude in degrees of an easting and northing in metres (Karney eqs. 12-21).
func (t transverse) inverse(p orb.Point) orb.Point {
	k := &series[t.ellipsoid]
	r := t.scale * k.radiusM
	xi, eta := (p[1]-t.falseNorthing)/r, (p[0]-t.falseEasting)/r
	xi1, eta1 := xi, eta
	for j, b := range k.beta {
		m := float64(2 * (j + 1))
		sin, cos := math.Sincos(m * xi)
		xi1 -= b * sin * math.Cosh(m*eta)
		eta1 -= b * cos * math.Sinh(m*eta)
	}
	sinXi, cosXi := math.Sincos(xi1)
	sinhEta := math.Sinh(eta1)
	tau := k.geographic(sinXi / math.Hypot(sinhEta, cosXi))
	return orb.Point{t.lon0 + degrees(math.Atan2(sinhEta, cosXi)), degrees(math.Atan(tau))}
}

// conformal is the tangent of the conformal latitude for the tangent of the geographic one.
func (k *krueger) conformal(tau float64) float64 {
	sec := math.Hypot(1, tau)
	sigma := math.Sinh(k.eccentricity * math.Atanh(k.eccentricity*tau/sec))
	return math.Hypot(1, sigma)*tau - sigma*sec
}

// geographic inverts conformal by Newton's method; it reaches double precision in three steps.
func (k *krueger) geographic(conformal float64) float64 {
	e2 := k.eccentricity * k.eccentricity
	tau := conformal
	for range 5 {
		t := k.conformal(tau)
		step := (conformal - t) / math.Hypot(1, t) * (1 + (1-e2)*tau*tau) / ((1 - e2) * math.Hypot(1, tau))
		tau += step
		if math.Abs(step) < 1e-15*math.Max(1, math.Abs(tau)) {
			break
		}
	}
	return tau
}

// mercatorForward is EPSG method 1024 (Popular Visualisation Pseudo Mercator).
func mercatorForward(p orb.Point) orb.Point {
	return orb.Point{semiMajorM * radians(p[0]), semiMajorM * math.Asinh(math.Tan(radians(p[1])))}
}

func mercatorInverse(p orb.Point) orb.Point {
	return orb.Point{degrees(p[0] / semiMajorM), degrees(math.Atan(math.Sinh(p[1] / semiMajorM)))}
}

func radians(d float64) float64 { return d * (math.Pi / 180) }

func degrees(r float64) float64 { return r * (180 / math.Pi) }
