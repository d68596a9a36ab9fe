<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->
<!--
    How the manual pages look, on top of DocBook's own stylesheet: no date, so that building twice gives the same,
    and nothing broken or stretched that a reader may want to copy or to search for.
-->
<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0">
  <xsl:param name="man.th.extra1.suppress" select="1"/>
  <xsl:param name="man.th.title.max.length" select="40"/>
  <xsl:param name="man.hyphenate" select="0"/>
  <xsl:param name="man.justify" select="0"/>
  <xsl:param name="man.authors.section.enabled" select="0"/>
  <xsl:param name="man.copyright.section.enabled" select="0"/>
  <xsl:param name="man.output.quietly" select="1"/>
  <xsl:param name="refentry.meta.get.quietly" select="1"/>

  <!-- The heading comment of a page would name an author and the day of the build. -->
  <xsl:template name="top.comment"/>
</xsl:stylesheet>
