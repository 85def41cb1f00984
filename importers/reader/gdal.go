package main

/*
#cgo pkg-config: gdal
#include <stdlib.h>
#include <gdal.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>
#include <cpl_conv.h>
#include <cpl_error.h>

static void quiet(void) { CPLSetErrorHandler(CPLQuietErrorHandler); }
*/
import "C"

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"wangge/importers/sandbox/wire"
)

// This file is the whole of GDAL that the program uses. It speaks to the C interface itself because a wrapper that
// answers a row as a map (godal) loses the difference between NULL and 0, the order of columns, columns of one name,
// and the columns of a layer without rows.

// settings switch off what GDAL does unasked. SHAPE_ENCODING "" hands out the bytes of a DBF as they are.
func settings() map[string]string {
	return map[string]string{
		"SHAPE_ENCODING": "", "SHAPE_RESTORE_SHX": "NO", "GDAL_PAM_ENABLED": "NO", "GDAL_CACHEMAX": "64", "CPL_TMPDIR": ".",
		"GDAL_DRIVER_PATH": "disable", "OGR_SQLITE_LOAD_EXTENSIONS": "", "OGR_SQLITE_STATIC_VIRTUAL_OGR": "NO",
		"GDAL_HTTP_MAX_RETRY": "0", "PROJ_NETWORK": "OFF", "LIBKML_RESOLVE_STYLE": "NO", "OGR_GEOJSON_MAX_OBJ_SIZE": "64",
	}
}

type dataset struct{ h C.GDALDatasetH }

// open opens the file with one driver; all drivers outside the format table are forgotten first.
func open(path, driver string) (dataset, error) {
	C.quiet()
	for k, v := range settings() {
		withString(k, func(ck *C.char) { withString(v, func(cv *C.char) { C.CPLSetConfigOption(ck, cv) }) })
	}
	C.GDALAllRegister()
	forget()
	var d dataset
	withString(path, func(name *C.char) {
		withString(driver, func(only *C.char) {
			allowed := [2]*C.char{only, nil}
			C.CPLErrorReset()
			d.h = C.GDALOpenEx(name, C.GDAL_OF_VECTOR|C.GDAL_OF_READONLY|C.GDAL_OF_VERBOSE_ERROR, &allowed[0], nil, nil)
		})
	})
	err := lastError()
	if d.h == nil && err == nil {
		err = errors.New("gdal: not opened")
	}
	if d.h != nil && err != nil {
		d.close()
	}
	return d, err
}

// forget removes every driver that the format table does not name.
func forget() {
	for _, name := range drivers() {
		if slices.ContainsFunc(formats(), func(f format) bool { return f.driver == name }) {
			continue
		}
		withString(name, func(c *C.char) { C.GDALDeregisterDriver(C.GDALGetDriverByName(c)) })
	}
}

// drivers are the names of the drivers that GDAL knows.
func drivers() []string {
	list := make([]string, int(C.GDALGetDriverCount()))
	for i := range list {
		list[i] = C.GoString(C.GDALGetDriverShortName(C.GDALGetDriver(C.int(i))))
	}
	return list
}

func (d dataset) close() { C.GDALClose(d.h) }

// layers are all layers of the data set.
func (d dataset) layers() []layer {
	list := make([]layer, int(C.GDALDatasetGetLayerCount(d.h)))
	for i := range list {
		list[i] = layer{C.GDALDatasetGetLayer(d.h, C.int(i))}
	}
	return list
}

type layer struct{ h C.OGRLayerH }

// name is the layer's own, raw.
func (l layer) name() string { return C.GoString(C.OGR_L_GetName(l.h)) }

// geometry is the type as in WKT, without Z and M.
func (l layer) geometry() string {
	t := C.OGR_GT_Flatten(C.OGR_L_GetGeomType(l.h))
	if t == C.wkbNone {
		return "NONE"
	}
	if t == C.wkbUnknown {
		return "GEOMETRY"
	}
	return strings.ToUpper(strings.ReplaceAll(C.GoString(C.OGRGeometryTypeToName(t)), " ", ""))
}

// count is the number of rows, -1 when finding out is expensive.
func (l layer) count() int64 { return int64(C.OGR_L_GetFeatureCount(l.h, 0)) }

// crs is the coordinate system as WKT 1, "" without one.
func (l layer) crs() string {
	srs := C.OGR_L_GetSpatialRef(l.h)
	if srs == nil {
		return ""
	}
	var text *C.char
	defer func() { C.VSIFree(unsafe.Pointer(text)) }()
	if C.OSRExportToWkt(srs, &text) != C.OGRERR_NONE {
		return ""
	}
	return C.GoString(text)
}

// fields are the columns in the file's order, names raw.
func (l layer) fields() []wire.Field {
	defn := C.OGR_L_GetLayerDefn(l.h)
	list := make([]wire.Field, int(C.OGR_FD_GetFieldCount(defn)))
	for i := range list {
		f := C.OGR_FD_GetFieldDefn(defn, C.int(i))
		list[i] = wire.Field{Name: []byte(C.GoString(C.OGR_Fld_GetNameRef(f))), Type: typeName(C.OGR_Fld_GetType(f))}
	}
	return list
}

func typeName(t C.OGRFieldType) string {
	switch t {
	case C.OFTString, C.OFTStringList, C.OFTIntegerList, C.OFTInteger64List, C.OFTRealList:
		return "string"
	case C.OFTInteger, C.OFTInteger64:
		return "integer"
	case C.OFTReal:
		return "real"
	case C.OFTDate:
		return "date"
	case C.OFTTime:
		return "time"
	case C.OFTDateTime:
		return "datetime"
	}
	return "other"
}

// next is the next row, without handle after the last one. The error is GDAL's complaint about the file.
func (l layer) next() (feature, error) {
	C.CPLErrorReset()
	f := feature{C.OGR_L_GetNextFeature(l.h)}
	err := lastError()
	if err != nil && f.h != nil {
		f.close()
	}
	return f, err
}

type feature struct{ h C.OGRFeatureH }

func (f feature) close() { C.OGR_F_Destroy(f.h) }

// geometry is little-endian two-dimensional WKB with straight segments, nil without a geometry.
func (f feature) geometry() ([]byte, error) {
	g := C.OGR_F_StealGeometry(f.h)
	if g == nil {
		return nil, nil
	}
	switch C.OGR_GT_Flatten(C.OGR_G_GetGeometryType(g)) {
	case C.wkbPolyhedralSurface, C.wkbTIN, C.wkbTriangle:
		g = C.OGR_G_ForceToMultiPolygon(g)
	}
	defer func() { C.OGR_G_DestroyGeometry(g) }()
	if C.OGR_G_HasCurveGeometry(g, 0) != 0 {
		straight := C.OGR_G_GetLinearGeometry(g, 0, nil)
		C.OGR_G_DestroyGeometry(g)
		g = straight
	}
	C.OGR_G_FlattenTo2D(g)
	size := C.OGR_G_WkbSize(g)
	if C.OGR_G_IsEmpty(g) != 0 || size <= 0 {
		return nil, nil
	}
	if size > wire.MaxFrameBytes {
		return nil, wire.ErrLarge
	}
	b := make([]byte, int(size))
	if C.OGR_G_ExportToWkb(g, C.wkbNDR, (*C.uchar)(unsafe.Pointer(&b[0]))) != C.OGRERR_NONE {
		return nil, lastError()
	}
	return b, nil
}

// value is the value of column i.
func (f feature) value(i int) any {
	c := C.int(i)
	if C.OGR_F_IsFieldSetAndNotNull(f.h, c) == 0 {
		return nil
	}
	switch t := C.OGR_Fld_GetType(C.OGR_F_GetFieldDefnRef(f.h, c)); t {
	case C.OFTInteger, C.OFTInteger64:
		return int64(C.OGR_F_GetFieldAsInteger64(f.h, c))
	case C.OFTReal:
		return float64(C.OGR_F_GetFieldAsDouble(f.h, c))
	case C.OFTDate, C.OFTTime, C.OFTDateTime:
		return f.stamp(c, t)
	}
	return wire.Text(C.GoString(C.OGR_F_GetFieldAsString(f.h, c)))
}

// stamp is a date, a time of day or both in ISO 8601, with the offset if the file gives one.
func (f feature) stamp(c C.int, t C.OGRFieldType) wire.Stamp {
	var year, month, day, hour, minute, zone C.int
	var second C.float
	C.OGR_F_GetFieldAsDateTimeEx(f.h, c, &year, &month, &day, &hour, &minute, &second, &zone)
	date := fmt.Sprintf("%04d-%02d-%02d", year, month, day)
	if t == C.OFTDate {
		return wire.Stamp(date)
	}
	clock := fmt.Sprintf("%02d:%02d:%02d", hour, minute, int(second))
	if ms := int(float64(second)*1000+0.5) % 1000; ms != 0 {
		clock += fmt.Sprintf(".%03d", ms)
	}
	if t == C.OFTTime {
		return wire.Stamp(clock)
	}
	if zone > 1 { // 100 is UTC, a quarter of an hour for each step
		quarters := int(zone) - 100
		sign := '+'
		if quarters < 0 {
			sign, quarters = '-', -quarters
		}
		clock += fmt.Sprintf("%c%02d:%02d", sign, quarters/4, quarters%4*15)
	}
	return wire.Stamp(date + "T" + clock)
}

// lastError is what GDAL complained about since the last reset, warnings aside.
func lastError() error {
	if C.CPLGetLastErrorType() < C.CE_Failure {
		return nil
	}
	return errors.New("gdal: " + C.GoString(C.CPLGetLastErrorMsg()))
}

// withString lends s to C.
func withString(s string, use func(*C.char)) {
	c := C.CString(s)
	defer C.free(unsafe.Pointer(c))
	use(c)
}
