(function () {
  'use strict';
  var data = JSON.parse(document.getElementById('data').textContent);
  var SVG = 'http://www.w3.org/2000/svg';
  document.documentElement.classList.add('js');

  function node(parent, name, attributes, text) {
    var made = document.createElement(name);
    Object.keys(attributes || {}).forEach(function (key) { made.setAttribute(key, attributes[key]); });
    if (text !== undefined) made.textContent = text;
    parent.appendChild(made);
    return made;
  }
  function shape(parent, name, attributes, text) {
    var made = document.createElementNS(SVG, name);
    Object.keys(attributes).forEach(function (key) { made.setAttribute(key, attributes[key]); });
    if (text !== undefined) made.textContent = text;
    parent.appendChild(made);
    return made;
  }
  function all(selector, from) { return Array.prototype.slice.call((from || document).querySelectorAll(selector)); }
  function plain(value) {
    if (value === 0) return '0';
    var size = Math.abs(value);
    return size >= 1e5 || size < 1e-4 ? value.toExponential().replace('e+', 'e') : String(parseFloat(value.toPrecision(6)));
  }
  function shown(value, share) {
    if (share) return (100 * value).toFixed(1) + ' %';
    var size = Math.abs(value);
    return size !== 0 && (size >= 1e5 || size < 1e-3) ? value.toExponential(2).replace('e+', 'e') : String(parseFloat(value.toPrecision(4)));
  }

  /* An axis: maps data to pixels, and knows its ticks. */
  function scale(low, high, from, to, log, share) {
    var f = log ? Math.log10 : function (v) { return v; };
    var a = f(low), b = f(high);
    if (!(b > a)) { a -= 0.5; b += 0.5; }
    function at(v) { return from + (f(v) - a) / (b - a) * (to - from); }
    function back(pixel) { var v = a + (pixel - from) / (to - from) * (b - a); return log ? Math.pow(10, v) : v; }
    function ticks(most) {
      var found = [], i;
      if (log) {
        var factors = b - a < 1.2 ? [1, 2, 3, 5, 7] : b - a < 3 ? [1, 2, 5] : [1], every = Math.max(1, Math.ceil((b - a) / most));
        for (i = Math.floor(a); i <= b; i += every) factors.forEach(function (factor) {
          var v = factor * Math.pow(10, i);
          if (Math.log10(v) >= a - 1e-9 && Math.log10(v) <= b + 1e-9) found.push(v);
        });
        if (found.length > 1) return found;
      }
      var lo = log ? Math.pow(10, a) : a, hi = log ? Math.pow(10, b) : b;
      var rough = (hi - lo) / most, unit = Math.pow(10, Math.floor(Math.log10(rough)));
      var step = [1, 2, 5, 10].filter(function (m) { return m * unit >= rough; })[0] * unit;
      found = [];
      for (i = Math.ceil(lo / step - 1e-9); i * step <= hi + 1e-9 * step; i++) found.push(parseFloat((i * step).toPrecision(12)));
      return found;
    }
    return { at: at, back: back, ticks: ticks, label: function (v) { return share ? plain(100 * v) : plain(v); } };
  }

  function chart(host, options) {
    var hidden = {}, log = null, chosen = 0, pinned = null, bands = true, legend = [], groups = [];
    (options.hidden || []).forEach(function (i) { hidden[i] = true; });
    host.hidden = false;
    var controls = node(host, 'div', { 'class': 'controls' });
    var plot = node(host, 'div', { 'class': 'plot' });
    var canvas = node(plot, 'div', { 'class': 'canvas' });
    var list = node(plot, 'ul', { 'class': 'legend' });
    var views = options.views;

    function view() { return views[chosen]; }
    function isLog() { return log === null ? view().log : log; }
    if (views.length > 1) {
      var select = node(controls, 'select', { 'aria-label': 'metric' });
      views.forEach(function (each, i) { node(select, 'option', { value: i }, each.name); });
      select.addEventListener('change', function () { chosen = Number(select.value); log = null; draw(); });
    }
    var scaling = node(controls, 'button', { type: 'button' }, 'log scale');
    scaling.addEventListener('click', function () { log = !isLog(); draw(); });
    var banding = options.step ? null : node(controls, 'button', { type: 'button' }, '95 % band');
    if (banding) banding.addEventListener('click', function () { bands = !bands; draw(); });
    (options.groups || []).forEach(function (group) {
      var box = node(controls, 'span', { 'class': 'group' }, group.name + ' ');
      group.values.forEach(function (value, i) {
        var members = group.members[i], button = node(box, 'button', { type: 'button' }, value);
        button.addEventListener('click', function () {
          var off = members.every(function (m) { return hidden[m]; });
          members.forEach(function (m) { hidden[m] = !off; });
          draw();
        });
        groups.push({ button: button, members: members });
      });
    });
    if (options.series.length > 3) {
      var every = node(controls, 'button', { type: 'button' }, 'all');
      every.addEventListener('click', function () { hidden = {}; draw(); });
      var none = node(controls, 'button', { type: 'button' }, 'none');
      none.addEventListener('click', function () { options.series.forEach(function (_, i) { hidden[i] = true; }); draw(); });
    }
    options.series.forEach(function (series, i) {
      var button = node(node(list, 'li'), 'button', { type: 'button', title: 'click: show or hide; double click: this one alone' });
      var swatch = shape(button, 'svg', { 'class': 'swatch', viewBox: '0 0 26 10', 'aria-hidden': 'true' });
      shape(swatch, 'line', { x1: 1, y1: 5, x2: 25, y2: 5, stroke: series.colour, 'stroke-width': 3, 'stroke-dasharray': series.dash || '' });
      node(button, 'span', {}, series.name);
      button.addEventListener('click', function () { hidden[i] = !hidden[i]; draw(); });
      button.addEventListener('dblclick', function () { options.series.forEach(function (_, j) { hidden[j] = j !== i; }); draw(); });
      button.addEventListener('mouseenter', function () { raise(i); });
      button.addEventListener('mouseleave', function () { raise(-1); });
      legend.push(button);
    });
    function raise(index) {
      all('[data-series]', canvas).forEach(function (line) {
        line.style.opacity = index < 0 || Number(line.getAttribute('data-series')) === index ? '' : '0.15';
      });
    }

    function limits(log) {
      var x = [Infinity, -Infinity], y = [Infinity, -Infinity];
      function take(range, v, positive) { if (isFinite(v) && v !== null && !(positive && v <= 0)) { range[0] = Math.min(range[0], v); range[1] = Math.max(range[1], v); } }
      view().curves.forEach(function (curve, i) {
        if (hidden[i]) return;
        curve.x.forEach(function (v) { take(x, v, options.xlog); });
        curve.y.forEach(function (v) { take(y, v, log); });
        if (bands) (curve.high || []).forEach(function (v) { take(y, v, log); });
        if (bands && !log) (curve.low || []).forEach(function (v) { take(y, v, log); });
        if (options.right) { take(x, 0, false); take(x, options.right, false); }
        (curve.lost || []).forEach(function (each) { each.x.forEach(function (v) { take(x, v, options.xlog); }); take(y, each.y[0], log); });
      });
      if (!(x[0] <= x[1])) x = options.xlog ? [0.1, 1] : [0, 1];
      if (!(y[0] <= y[1])) y = log ? [0.1, 1] : [0, 1];
      if (log) y = y[0] < y[1] ? [y[0] / 1.1, y[1] * 1.1] : [y[0] / 2, y[1] * 2];
      else {
        var room = 0.04 * (y[1] - y[0]) || 0.05 * Math.abs(y[1]) || 0.05, zero = !view().share && y[0] >= 0 && y[0] < y[1] / 2;
        y = [zero ? 0 : y[0] - room, view().share ? Math.min(1.01, y[1] + room) : y[1] + room];
      }
      if (options.xlog && x[0] < x[1]) x = [x[0] / 1.2, x[1] * 1.2];
      return { x: x, y: y };
    }

    var state = null;
    function draw() {
      var log = isLog(), width = Math.max(260, canvas.clientWidth || 700), height = Math.round(Math.min(440, Math.max(270, width * 0.52)));
      var box = { left: 58, right: width - 10, top: 26, bottom: height - 40 }, range = limits(log);
      canvas.textContent = '';
      var svg = shape(canvas, 'svg', { viewBox: '0 0 ' + width + ' ' + height, width: width, height: height, tabindex: 0, role: 'img', 'aria-label': view().label });
      var sx = scale(range.x[0], range.x[1], box.left, box.right, options.xlog, false), sy = scale(range.y[0], range.y[1], box.bottom, box.top, log, view().share);
      var clip = 'clip-' + options.id;
      shape(shape(shape(svg, 'defs', {}), 'clipPath', { id: clip }), 'rect', { x: box.left, y: box.top - 4, width: box.right - box.left, height: box.bottom - box.top + 8 });
      sy.ticks(6).forEach(function (v) {
        shape(svg, 'line', { x1: box.left, x2: box.right, y1: sy.at(v), y2: sy.at(v), stroke: '#e2e2e2' });
        shape(svg, 'text', { x: box.left - 7, y: sy.at(v) + 4, 'text-anchor': 'end' }, sy.label(v));
      });
      sx.ticks(width < 500 ? 4 : 8).forEach(function (v) {
        shape(svg, 'line', { x1: sx.at(v), x2: sx.at(v), y1: box.bottom, y2: box.bottom + 4, stroke: '#999' });
        shape(svg, 'text', { x: sx.at(v), y: box.bottom + 17, 'text-anchor': 'middle' }, sx.label(v));
      });
      shape(svg, 'line', { x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom, stroke: '#999' });
      shape(svg, 'text', { 'class': 'axis', x: (box.left + box.right) / 2, y: height - 6, 'text-anchor': 'middle' }, options.across);
      shape(svg, 'text', { 'class': 'axis', x: 4, y: 13 }, view().label);
      var marks = shape(svg, 'g', { 'clip-path': 'url(#' + clip + ')' }), over = shape(svg, 'g', {});
      function y(v) { return Math.max(-1e4, Math.min(1e4, log && v <= 0 ? 1e4 : sy.at(v))); }
      function path(xs, ys) {
        return ys.map(function (v, i) {
          var px = sx.at(xs[i]).toFixed(1), py = y(v).toFixed(1);
          return (i === 0 ? 'M' + px + ' ' : options.step ? 'H' + px + 'V' : 'L' + px + ' ') + py;
        }).join('');
      }
      var crowd = options.series.filter(function (_, i) { return !hidden[i]; }).length > 6 ? 0.08 : 0.16;
      view().curves.forEach(function (curve, i) {
        if (hidden[i]) return;
        var series = options.series[i], own = shape(marks, 'g', { 'data-series': i }), top = shape(over, 'g', { 'data-series': i });
        if (bands && curve.high && curve.x.length) {
          var back = curve.low.map(function (v, k) { return 'L' + sx.at(curve.x[k]).toFixed(1) + ' ' + y(v).toFixed(1); }).reverse().join('');
          shape(own, 'path', { d: path(curve.x, curve.high) + back + 'Z', fill: series.colour, 'fill-opacity': crowd, stroke: 'none' });
        }
        if (curve.x.length) shape(own, 'path', { d: path(curve.x, curve.y), fill: 'none', stroke: series.colour, 'stroke-width': 2, 'stroke-linejoin': 'round', 'stroke-dasharray': series.dash || '' });
        if (curve.x.length <= 30 && !options.step) curve.x.forEach(function (v, k) { shape(own, 'circle', { cx: sx.at(v), cy: y(curve.y[k]), r: 3, fill: series.colour }); });
        (curve.lost || []).forEach(function (each) {
          if (!each.x.length) return;
          var last = each.x.length - 1, px = sx.at(each.x[last]), py = Math.max(box.top, Math.min(box.bottom, y(each.y[last])));
          shape(own, 'path', { d: path(each.x, each.y), fill: 'none', stroke: series.colour, 'stroke-width': 1 });
          shape(top, 'path', { d: 'M' + (px - 4) + ' ' + (py - 4) + 'l8 8m0 -8l-8 8', stroke: series.colour, 'stroke-width': 2 });
        });
        (curve.rings || []).forEach(function (ring) {
          shape(top, 'circle', { cx: sx.at(ring.x), cy: y(ring.y), r: 7, fill: 'none', stroke: ring.edge ? '#222' : series.colour, 'stroke-width': 2 });
        });
      });
      state = { svg: svg, sx: sx, sy: y, box: box, width: width };
      svg.addEventListener('pointermove', function (event) { var r = svg.getBoundingClientRect(); point(sx.back((event.clientX - r.left) * width / r.width)); });
      svg.addEventListener('pointerleave', function () { point(null); });
      svg.addEventListener('keydown', function (event) {
        var step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!step) return;
        event.preventDefault();
        var at = sx.at(pinned === null ? sx.back(box.left) : pinned) + step * (box.right - box.left) / 60;
        point(sx.back(Math.max(box.left, Math.min(box.right, at))));
      });
      scaling.setAttribute('aria-pressed', String(log));
      scaling.hidden = options.step === true;
      if (banding) banding.setAttribute('aria-pressed', String(bands));
      if (banding) banding.hidden = !view().curves.some(function (curve) { return curve.high; });
      legend.forEach(function (button, i) { button.setAttribute('aria-pressed', String(!hidden[i])); });
      groups.forEach(function (group) { group.button.setAttribute('aria-pressed', String(group.members.some(function (m) { return !hidden[m]; }))); });
    }

    /* Cross hair: the value of every arm where the pointer is. */
    function point(where) {
      pinned = where;
      all('.cross', canvas).concat(all('.tip', canvas)).forEach(function (old) { old.remove(); });
      if (where === null || !state) return;
      var rows = [], snapped = null;
      view().curves.forEach(function (curve, i) {
        if (hidden[i] || !curve.x.length) return;
        var k = nearest(curve.x, where);
        if (!options.step && (where > curve.x[curve.x.length - 1] || where < curve.x[0]) && Math.abs(state.sx.at(curve.x[k]) - state.sx.at(where)) > 20) return;
        if (options.step && curve.x[k] > where && k > 0) k -= 1;
        if (snapped === null || Math.abs(curve.x[k] - where) < Math.abs(snapped - where)) snapped = curve.x[k];
        rows.push({ i: i, x: curve.x[k], y: curve.y[k], half: curve.high ? (curve.high[k] - curve.low[k]) / 2 : null });
      });
      if (!rows.length) return;
      var at = options.step ? where : snapped, group = shape(state.svg, 'g', { 'class': 'cross', 'pointer-events': 'none' }), px = state.sx.at(at);
      shape(group, 'line', { x1: px, x2: px, y1: state.box.top, y2: state.box.bottom, stroke: '#555', 'stroke-dasharray': '3 3' });
      rows.sort(function (a, b) { return view().higher ? b.y - a.y : a.y - b.y; });
      rows.forEach(function (row) { shape(group, 'circle', { cx: state.sx.at(options.step ? at : row.x), cy: state.sy(row.y), r: 4, fill: options.series[row.i].colour, stroke: '#fff' }); });
      var most = state.width < 600 ? 8 : 14, tip = node(canvas, 'div', { 'class': 'tip' });
      node(tip, 'b', {}, options.cross + ' ' + plain(parseFloat(at.toPrecision(4))));
      var table = node(tip, 'table', {});
      rows.slice(0, most).forEach(function (row) {
        var line = node(table, 'tr', {}), name = node(line, 'td', {});
        node(name, 'i', { style: 'background:' + options.series[row.i].colour });
        name.appendChild(document.createTextNode(options.series[row.i].name));
        node(line, 'td', {}, shown(row.y, view().share));
        node(line, 'td', {}, row.half ? '± ' + (view().share ? shown(row.half, true) : plain(parseFloat(row.half.toPrecision(2)))) : '');
      });
      if (rows.length > most) node(tip, 'div', {}, 'and ' + (rows.length - most) + ' more');
      var ratio = canvas.clientWidth / state.width, right = px * ratio + 14;
      tip.style.left = (right + tip.offsetWidth > canvas.clientWidth ? Math.max(0, px * ratio - tip.offsetWidth - 14) : right) + 'px';
    }
    function nearest(xs, where) {
      var low = 0, high = xs.length - 1;
      while (high - low > 1) { var middle = (low + high) >> 1; if (xs[middle] <= where) low = middle; else high = middle; }
      return Math.abs(xs[high] - where) < Math.abs(xs[low] - where) ? high : low;
    }
    var width = 0;
    function fit() { if (canvas.clientWidth !== width) { width = canvas.clientWidth; draw(); } }
    if (window.ResizeObserver) new ResizeObserver(fit).observe(canvas); else window.addEventListener('resize', fit);
    fit();
  }

  all('.chart').forEach(function (host) {
    var options = data.charts[host.getAttribute('data-chart')];
    options.id = host.getAttribute('data-chart');
    options.views.forEach(function (view) {
      view.curves.forEach(function (curve) { if (typeof curve.x === 'number') curve.x = options.steps[curve.x]; });
    });
    chart(host, options);
  });

  /* Tables: a click on a heading sorts. */
  all('table.standings').forEach(function (table) {
    all('thead th', table).forEach(function (heading, column) {
      var button = document.createElement('button');
      button.type = 'button';
      while (heading.firstChild) button.appendChild(heading.firstChild);
      heading.appendChild(button);
      button.addEventListener('click', function () {
        var down = heading.getAttribute('aria-sort') === 'ascending', body = table.tBodies[0];
        all('th', table.tHead).forEach(function (other) { other.removeAttribute('aria-sort'); });
        heading.setAttribute('aria-sort', down ? 'descending' : 'ascending');
        all('tr', body).map(function (row) { return { row: row, key: row.cells[column].getAttribute('data-sort') }; })
          .sort(function (a, b) {
            if ((a.key === '') !== (b.key === '')) return a.key === '' ? 1 : -1;
            var x = Number(a.key), y = Number(b.key), order = isNaN(x) || isNaN(y) ? a.key.localeCompare(b.key) : x - y;
            return down ? -order : order;
          }).forEach(function (each) { body.appendChild(each.row); });
      });
    });
  });

  /* Tabs: one of several tables at a time. */
  all('.tabs button').forEach(function (button) {
    button.addEventListener('click', function () {
      all('button', button.parentNode).forEach(function (other) {
        var chosen = other === button;
        other.setAttribute('aria-selected', String(chosen));
        document.getElementById(other.getAttribute('data-tab')).setAttribute('data-chosen', chosen ? 'yes' : 'no');
      });
    });
  });

  /* Win matrices: a cell as a sentence. */
  all('.wins td[title]').forEach(function (cell) {
    var said = cell.closest('.tab').querySelector('.said');
    ['mouseenter', 'focus', 'click'].forEach(function (when) { cell.addEventListener(when, function () { said.textContent = cell.title; }); });
  });
})();
