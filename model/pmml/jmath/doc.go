// Package jmath has functions of package math whose results are the correctly
// rounded ones in all but very few cases, as those of the Java platform are.
// Models feed results into results: an error of one unit in the last place
// shows, magnified, where a network is compared with its reference.
package jmath
