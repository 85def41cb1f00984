package main

import (
	"archive/zip"
	"errors"
	"io"
	"os"
	"path"
	"strings"

	"wangge/importers/sandbox/wire"
)

// maxMembers bounds the members of a zip.
const maxMembers = 1000

// source is the data as GDAL will open it: path in the own folder, format, and the name its owner gave it (raw).
type source struct {
	path   string
	name   string
	format format
}

// unpack recognises the file by its content and lays the parts that will be read into the working directory, under
// names of ours. No more than limit bytes are written.
func unpack(file *os.File, limit int64) (source, error) {
	info, err := file.Stat()
	if err != nil {
		return source{}, err
	}
	head := make([]byte, min(info.Size(), 16<<10))
	if _, err := file.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return source{}, err
	}
	if isZip(head) {
		return unzip(file, info.Size(), limit)
	}
	for _, f := range formats() {
		if f.is == nil || !f.is(head) {
			continue
		}
		left := limit
		src := source{path: "data" + f.ext, format: f}
		return src, lay(src.path, io.NewSectionReader(file, 0, info.Size()), &left)
	}
	if isLoose(head) {
		return source{}, fail(wire.FailLoose)
	}
	return source{}, fail(wire.FailFormat)
}

// unzip lays out the one data set of a zip.
func unzip(file io.ReaderAt, size, limit int64) (source, error) {
	z, err := zip.NewReader(file, size)
	if err != nil {
		return source{}, failBecause(wire.FailZip, err)
	}
	if len(z.File) > maxMembers {
		return source{}, fail(wire.FailBomb)
	}
	for _, m := range z.File {
		if climbs(m.Name) {
			return source{}, fail(wire.FailName, m.Name)
		}
	}
	data, f, err := only(z.File)
	if err != nil {
		return source{}, err
	}
	stem := strings.TrimSuffix(data.Name, path.Ext(data.Name))
	for _, m := range z.File {
		ext := path.Ext(m.Name)
		if m != data && (f.ext != ".shp" || !sidecar(ext) || !strings.EqualFold(strings.TrimSuffix(m.Name, ext), stem)) {
			continue
		}
		if err := extract(m, "data"+strings.ToLower(ext), &limit); err != nil {
			return source{}, err
		}
	}
	return source{path: "data" + f.ext, name: path.Base(stem), format: f}, nil
}

// only is the one member that is a data set.
func only(members []*zip.File) (*zip.File, format, error) {
	var found []*zip.File
	var of format
	var names, all []string
	for _, m := range members {
		if m.FileInfo().IsDir() || strings.HasPrefix(m.Name, "__MACOSX/") || strings.HasPrefix(path.Base(m.Name), "._") {
			continue
		}
		all = append(all, m.Name)
		for _, f := range formats() {
			if strings.EqualFold(path.Ext(m.Name), f.ext) {
				found, names, of = append(found, m), append(names, m.Name), f
			}
		}
	}
	switch len(found) {
	case 0:
		return nil, of, fail(wire.FailNothing, all...)
	case 1:
		return found[0], of, nil
	}
	return nil, of, fail(wire.FailSeveral, names...)
}

// sidecar reports whether a part of a shapefile is needed.
func sidecar(ext string) bool {
	switch strings.ToLower(ext) {
	case ".shx", ".dbf", ".prj", ".cpg":
		return true
	}
	return false
}

// climbs reports a member name that would leave the folder it is unpacked into. None is ever used as a path; an
// archive that tries deserves no trust.
func climbs(name string) bool {
	name = strings.ReplaceAll(name, `\`, "/")
	if strings.HasPrefix(name, "/") || strings.ContainsRune(name, 0) || len(name) > 1 && name[1] == ':' {
		return true
	}
	for _, step := range strings.Split(name, "/") {
		if step == ".." {
			return true
		}
	}
	return false
}

// extract unpacks a member as name, taking what it writes from left.
func extract(m *zip.File, name string, left *int64) error {
	if m.Flags&1 != 0 {
		return fail(wire.FailEncrypted)
	}
	r, err := m.Open()
	if err != nil {
		return &failed{wire.Failure{Code: wire.FailZip, Details: [][]byte{[]byte(m.Name)}, Log: err.Error()}}
	}
	defer r.Close()
	return lay(name, r, left)
}

// lay writes r as a new file of the working directory, taking what it writes from left: bytes that come out
// count, not bytes that a directory claims.
func lay(name string, r io.Reader, left *int64) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fail(wire.FailSeveral, name)
	}
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(r, *left))
	*left -= n
	if err == nil && *left == 0 { // is there more?
		if n, _ := io.ReadFull(r, make([]byte, 1)); n > 0 {
			return errors.Join(fail(wire.FailBomb), f.Close())
		}
	}
	if err != nil {
		err = failBecause(wire.FailZip, err)
	}
	return errors.Join(err, f.Close())
}
